"""PostgreSQL: the backend, its pool, and connections that threads keep."""
