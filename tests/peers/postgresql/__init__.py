"""A real PostgreSQL 18, from a wheel: no root, no Docker, a free port of this machine."""
