"""Datasets served: rows, files, versions, reports, feeds; `open_data` is the story, `routes` the addresses."""
