"""Every address of the installation, for whoever visits them all."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def patterns() -> list[str]:
    """Return every address, with its placeholders, in the order of the alphabet; each once."""

    def below(found: list[Any], prefix: str) -> Iterator[str]:
        for one in found:
            text = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from below(one.url_patterns, text)
            elif isinstance(one, URLPattern):
                yield text

    return sorted(set(below(get_resolver().url_patterns, "")))
