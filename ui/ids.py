"""Ids as they come in addresses and forms."""


def id_of(text: str) -> int:
    """Return the id that a text spells, 0 for none: what is no number, or longer than an id can be. Never raises."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
