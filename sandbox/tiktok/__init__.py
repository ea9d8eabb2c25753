"""The stand-in TikTok."""
