"""Scoring: which records are compared, what their comparisons weigh, and how likely two are the same."""
