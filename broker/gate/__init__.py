"""The gate: a job keeps the vendor's client, changes its base address, and sends an AdToken credential where the vendor's token stood."""
