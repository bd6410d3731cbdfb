"""WireMock, an HTTP server that answers and breaks as it is told."""
