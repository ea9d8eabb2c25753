"""Versions of the Graph API as of 2026-11-25: https://developers.facebook.com/documentation/ads-commerce/marketing-api/marketing-api-changelog/versions

No clock moves them, so that no test fails by itself one day. Switches of the app (`settings`) do: `retired_versions` (a list: these too are
refused by the Marketing API), `auto_upgrade` (true: calls in a retired version are served, with the warning header), `version_warning`
(a text: what the header says on every call of the Marketing API; seen on living versions too).
"""

from collections.abc import Mapping
from typing import Any

OLDEST, NEWEST = "v21.0", "v27.0"  # of the Graph API; the oldest is what a call without a version gets
MARKETING = ("v25.0", "v26.0", "v27.0")  # those that the Marketing API serves
WARNING = "X-Ad-Api-Version-Warning"


def number(version: str) -> float:
    """Return the number of a version, so that versions can be compared."""
    return float(version.removeprefix("v"))


def exists(version: str) -> bool:
    """Return whether a version was released."""
    return number(version) <= number(NEWEST)


def served(version: str) -> str:
    """Return the version that a Graph call is answered in: one that is over is answered in the oldest that is left."""
    return max(version, OLDEST, key=number)


def next_of(version: str, settings: Mapping[str, Any]) -> str:
    """Return the version that the Marketing API serves for one that is over."""
    left = [one for one in MARKETING if one not in settings.get("retired_versions", ())]
    return next((one for one in left if number(one) > number(version)), NEWEST)


def retired(version: str, settings: Mapping[str, Any]) -> bool:
    """Return whether the Marketing API serves a version no longer."""
    return version not in MARKETING or version in settings.get("retired_versions", ())


def warning(version: str, settings: Mapping[str, Any]) -> str:
    """Return what the warning header says, or nothing."""
    if said := settings.get("version_warning"):
        return str(said)
    if retired(version, settings):
        upgraded = next_of(version, settings)
        return f"The call has been auto-upgraded to {upgraded} as {version} has been deprecated."
    return ""
