"""How pages and the API are served."""
