"""Tests of the pipelines, on real Parquet sources, real Delta tables, real DuckDB files."""
