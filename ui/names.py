"""Names as people see and type them. They come from channels and from people, who put into them what no browser shows as it is."""

import unicodedata

# Letters for Unicode, and nothing to the eye: fillers of Korean syllables, and the Braille pattern without dots.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_JOINERS = (
    "\u200c\u200d"  # emoji of several parts, and words in Persian and Indian scripts, are spelt with them
)
_UNSEEN = frozenset(
    {"Cc", "Cf", "Cs"}
)  # controls, marks of format (which turn the rest of a line), halves of characters
_MARKS = frozenset({"Mn", "Me"})
_NOT_ON_KEYS = frozenset(
    {"So", "Sk", "Co", "Me"}
)  # emoji and their colours, signs of trade marks, private signs
# What phones and word processors write in place of what is on the key.
_KEYS = str.maketrans(
    dict.fromkeys("‘’‚‛ʼ′`´", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)


def plain(text: str) -> str:
    """Return a name in one line, each gap one blank, without what cannot be seen; "" where nothing is left to see."""
    if text.isascii() and text.isprintable() and text == text.strip() and "  " not in text:
        return text  # as most are: nothing is looked at letter by letter
    words = ("".join(filter(_stays, word)).strip(_JOINERS) for word in text.split())
    name = " ".join(filter(None, words))
    return name if any(map(_shows, name)) else ""


def _stays(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _UNSEEN


def _shows(letter: str) -> bool:
    hidden = letter in _BLANK or letter in _JOINERS or letter.isspace()
    return not hidden and unicodedata.category(letter) not in _MARKS


def as_typed(text: str) -> str:
    """Return what two spellings of a name have in common where one is shown and the other typed or copied from the page.

    Capitals, gaps, what cannot be seen, and signs that are on no keyboard make no difference. "" where nothing can be typed of it.
    """
    on_keys = "".join(letter for letter in text.translate(_KEYS) if _is_typed(letter))
    folded = unicodedata.normalize("NFKC", on_keys).casefold()
    name = " ".join(unicodedata.normalize("NFKC", folded).split())
    return name if any(map(_shows, name)) else ""  # marks alone are of a sign that is on no key


def _is_typed(letter: str) -> bool:
    if letter.isspace():
        return True
    variant = (
        "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"
    )  # how the sign before it is drawn
    category = unicodedata.category(letter)
    return not variant and letter not in _BLANK and category not in _UNSEEN and category not in _NOT_ON_KEYS
