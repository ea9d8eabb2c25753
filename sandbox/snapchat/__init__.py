"""The stand-in Snapchat."""
