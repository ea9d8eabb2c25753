"""Template tags that know the channels."""
