"""TEMPORARY stand-in until the real file lands (being written by the channel engineer)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    short: str
    what: str
    who: str
    steps: tuple[str, ...]
    causes: tuple[str, ...]
    first_deed: str


def explain(channel_key, reason, *, person="", account="", you=False):
    return Explanation(str(reason), f"{channel_key}: {reason}", person, (), (), "Re-authenticate")
