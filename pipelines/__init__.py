"""Source, expectations, version, publication: from a declaration to tables that can be trusted."""
