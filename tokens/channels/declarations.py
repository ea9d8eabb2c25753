"""Which channels there are, before Django is set up: settings, migrations and models may ask. How to add one: docs/add-a-channel.md.

A channel is a package with a module `declaration` (pure data) and a module `channel`, named here in one line.
"""

from collections.abc import Mapping
from importlib import import_module

from tokens.channels.kinds import Declaration

# In the order of pages.
PACKAGES = (
    "tokens.channels.facebook",
    "tokens.channels.snapchat",
    "tokens.channels.x",
    "tokens.channels.linkedin",
    "tokens.channels.pinterest",
    "tokens.channels.tiktok",
)
_ALL: tuple[Declaration, ...] = tuple(
    import_module(f"{package}.declaration").DECLARATION for package in PACKAGES
)
_DECLARED = {one.key: one for one in _ALL}


def declared() -> Mapping[str, Declaration]:
    """Return what each channel declares, by key."""
    return _DECLARED


def choices() -> list[tuple[str, str]]:
    """Return key and name of each channel, as forms and models want them."""
    return [(one.key, one.label) for one in declared().values()]


def channel_keys() -> tuple[str, ...]:
    """Return the keys of the channels."""
    return tuple(declared())


def label(key: str) -> str:
    """Return the name of a channel; the key itself where no package has it."""
    found = declared().get(key)
    return found.label if found else key
