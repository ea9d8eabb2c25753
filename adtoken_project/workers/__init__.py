"""Worker processes: what `manage.py worker` runs."""
