"""The visible dict of channels."""
