"""The gateway over real sockets: a real uvicorn, real registries behind a proxy that breaks them."""
