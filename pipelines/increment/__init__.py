"""Runs that judge only what changed: `may` says when that is the same as the whole way, `run` is their story."""
