"""Registries that have a REST interface, declared without Python."""
