"""Keys of publishing systems."""
