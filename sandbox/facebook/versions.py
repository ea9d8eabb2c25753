"""Versions of the Graph API as of 2026-11-25: https://developers.facebook.com/documentation/ads-commerce/marketing-api/marketing-api-changelog/versions

No clock moves them, so that no test fails by itself one day.
"""

OLDEST, NEWEST = "v21.0", "v27.0"  # of the Graph API; the oldest is what a call without a version gets
MARKETING = ("v25.0", "v26.0", "v27.0")  # those that the Marketing API serves


def number(version: str) -> float:
    """Return the number of a version, so that versions can be compared."""
    return float(version.removeprefix("v"))


def exists(version: str) -> bool:
    """Return whether a version was released."""
    return number(version) <= number(NEWEST)


def served(version: str) -> str:
    """Return the version that a Graph call is answered in: one that is over is answered in the oldest that is left."""
    return max(version, OLDEST, key=number)
