"""The API object: its description, its way past sessions and forms."""
