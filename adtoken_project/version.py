"""Which AdToken this is."""

from django.conf import settings

VERSION = "0.2.0"  # that of pyproject.toml, which is not there where AdToken runs


def called() -> str:
    """Return the version, and what whoever installed it calls it: "0.2.0, release 2026-11-26"."""
    return VERSION if settings.RELEASE == VERSION else f"{VERSION}, release {settings.RELEASE}"
