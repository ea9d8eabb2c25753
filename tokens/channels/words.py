"""What is said of a channel's log-ins, out of text files: words.txt of its package, which extends the words.txt beside this module."""

from collections.abc import Mapping
from pathlib import Path

from django.utils.translation import gettext

from tokens.channels import declarations
from tokens.channels.kinds import Reason
from ui import phrases

COMMON = "channels/words.txt"  # for all channels, and for one whose package is gone


class _Button:
    """Names our button when a text with it is made. Asking for one that is remembered translates nothing."""

    def __str__(self) -> str:
        return gettext("Re-authenticate")


_REAUTHENTICATE = _Button()
phrases.add_folder("channels", Path(__file__).parent)
for _key in declarations.channel_keys():
    phrases.add_folder(f"channels/{_key}", Path(__file__).parent / _key)


def said(key: str, *names: str, **facts: object) -> str:
    """Return the first of these phrases that there is for a channel; "" where there is none."""
    file = _file(key)
    there = phrases.blocks(file)
    return next((phrases.phrase(file, name, **facts) for name in names if name in there), "")


def listed(key: str, name: str, **facts: object) -> tuple[str, ...]:
    """Return the lines of a phrase; none where the channel does not have it."""
    file = _file(key)
    return phrases.lines(file, name, **facts) if name in phrases.blocks(file) else ()


def steps(key: str, reason: Reason, *, channel: str, buttons: bool = True) -> tuple[str, ...]:
    """Return how a person gets back, step by step. `buttons`: whether the reader has those of staff. `channel` is its name."""
    return listed(key, f"{reason}_steps", channel=channel, buttons=buttons, button=_REAUTHENTICATE)


def steps_by_stage(key: str, reason: Reason, *, channel: str, button: str) -> Mapping[str, tuple[str, ...]]:
    """Return how a person gets back, for a page whose `button` leads to the channel: the steps before that by "", then by "go" (which
    that page says itself), "there" and "later" (where it does not help). A stage that nothing is said of is not in it.
    """
    name = f"{reason}_steps"
    file = _file(key)
    if name not in phrases.blocks(file):
        return {}
    return phrases.stages(file, name, channel=channel, buttons=False, button=button)


def _file(key: str) -> str:
    return f"channels/{key}/words.txt" if key in declarations.declared() else COMMON
