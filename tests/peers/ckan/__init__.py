"""A real CKAN 2.12, stood up from packages alone."""
