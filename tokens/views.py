"""The colours of the channels' marks and charts, for pages and mails: each package declares its own, so no style sheet names a channel."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from tokens.channels import declarations

FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def style_sheet(_request: HttpRequest) -> HttpResponse:
    """Answer with the style sheet. Its address holds a mark of its text, so that a browser asks once."""
    return HttpResponse(
        style_sheet_text(), content_type="text/css; charset=utf-8", headers={"Cache-Control": FOR_EVER}
    )


def style_sheet_url() -> str:
    """Return the address of the style sheet as it is now."""
    return f"{reverse('channel_colours')}?v={_mark_of(style_sheet_text())}"


def style_sheet_text() -> str:
    """Return the style sheet: a variable for each channel, light and dark, and the classes of marks and charts that use it."""
    light, dark = (_variables(place) for place in (0, 1))
    return "\n".join(
        [
            f":root {{ {light} }}",
            f':root.dark, :root[data-theme="dark"] {{ {dark} }}',
            f'@media (prefers-color-scheme: dark) {{ :root[data-theme="auto"] {{ {dark} }} }}',
            *_classes(),
            "",
        ]
    )


def _variables(place: int) -> str:
    return " ".join(f"--ch-{one.key}: {one.colours[place]};" for one in declarations.declared().values())


def _classes() -> Iterator[str]:
    for key in declarations.channel_keys():
        yield f".at-mark-{key} {{ background: var(--ch-{key}); }}"
        yield f".at-fill-{key} {{ fill: var(--ch-{key}); }}"


@lru_cache(maxsize=8)
def _mark_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
