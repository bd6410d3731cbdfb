"""The civil register on another SOAP stack (node)."""
