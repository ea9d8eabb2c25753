"""Health, metrics, logs and errors."""
