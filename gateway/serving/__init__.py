"""The gateway as one application over HTTP: what stands between a connection and the function that answers."""
