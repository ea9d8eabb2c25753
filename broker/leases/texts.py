"""What the API says to people, out of templates/words/api.txt."""

from ui import phrases

FILE = "words/api.txt"


def text(name: str, /, **facts: object) -> str:
    """Return a text of the API by its name in the file."""
    return phrases.phrase(FILE, name, **facts)


def has(name: str) -> bool:
    """Return whether the file has such a text."""
    return name in phrases.blocks(FILE)
