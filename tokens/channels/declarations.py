"""Which channels there are, before Django is set up: settings, migrations and models may ask. How to add one: docs/add-a-channel.md.

A channel is a package with a module `declaration` (pure data) and a module `channel`. Ours are named here, one line each; an installed
distribution names its own by an entry point of the group "adtoken.channels" (docs/decisions/0053-one-registry-of-channels.md).
"""

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from django.core.exceptions import ImproperlyConfigured

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
GROUP = "adtoken.channels"  # of entry points: `name = "package"`
_KEY = re.compile(r"[a-z][a-z0-9]{0,19}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")

_declared: dict[str, Declaration] = {}


def packages() -> tuple[str, ...]:
    """Return the packages of all channels: ours, then the installed ones by name."""
    installed = {found.value for found in entry_points(group=GROUP)} - set(PACKAGES)
    return (*PACKAGES, *sorted(installed))


def declared() -> Mapping[str, Declaration]:
    """Return what each channel declares, by key. Raises ImproperlyConfigured for a declaration that cannot be used."""
    if not _declared:
        for package in packages():
            add(import_module(f"{package}.declaration").DECLARATION, package=package)
    return _declared


def add(declaration: Declaration, *, package: str) -> None:
    """Take a channel in. Raises ImproperlyConfigured where it cannot be used, or its key or one of its settings is taken."""
    if wrong := "; ".join(_wrong(declaration)):
        raise ImproperlyConfigured(f"The channel of {package} cannot be used: {wrong}.")
    _declared[declaration.key] = declaration


def drop(key: str) -> None:
    """Forget a channel, as if it were not installed."""
    _declared.pop(key, None)


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


def _wrong(one: Declaration) -> list[str]:
    said = []
    if not _KEY.fullmatch(one.key):
        said.append(f"its key {one.key!r} is not a word of at most 20 lower-case letters and digits")
    if one.key in _declared:
        said.append(f"the key {one.key!r} is taken by {_declared[one.key].label}")
    strange = [
        name
        for name in (*one.addresses, one.versions.setting)
        if name.partition("_")[0] != one.key.upper() or name == f"{one.key.upper()}_URL"
    ]
    if strange:
        said.append(f"its settings must begin with {one.key.upper()}_, unlike {', '.join(strange)}")
    missing = sorted({one.consent, one.api} - one.addresses.keys())
    if missing:
        said.append(f"it declares no address {', '.join(missing)}")
    said += _wrong_regions(one)
    if not all(_COLOUR.fullmatch(colour) for colour in one.colours):
        said.append("its colours are not written as #2f62c9")
    return said


def _wrong_regions(one: Declaration) -> list[str]:
    named = {name for region in one.regions.values() for pair in region.instead.items() for name in pair}
    said = [
        f"its region {key!r} is not a word of at most 20 lower-case letters and digits"
        for key in one.regions
        if not _KEY.fullmatch(key)
    ]
    if missing := sorted(named - one.addresses.keys()):
        said.append(f"its regions name {', '.join(missing)}, which it does not declare")
    if len(one.regions) == 1:
        said.append("it has one region, which is none")
    return said
