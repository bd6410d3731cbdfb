"""Telling: why a pair is linked, and how good the links are, in words and figures."""
