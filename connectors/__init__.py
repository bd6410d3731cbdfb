"""How to ask one source: a protocol each, one file per registry. Knows nothing of the gateway or of tables."""
