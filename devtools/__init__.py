"""What runs AdToken on one machine with everything embedded, and fills a demo."""
