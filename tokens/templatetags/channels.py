"""Template tags that name channels: {% load channels %}. The kit in `ui` knows none."""

from collections.abc import Sequence

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from tokens import channel_colours
from tokens.channels import declarations
from tokens.channels.kinds import Declaration

register = template.Library()


@register.simple_tag
def mark(channel: str, size: str = "") -> SafeString:
    """Return the letter mark of a channel; size "" (32 px), "s" (20) or "l" (44). The name must stand near it."""
    letter = declarations.label(channel)[:1].upper()
    facts = {"channel": channel, "size": size, "letter": letter}
    return SafeString(render_to_string("ui/_mark.html", facts).strip())  # rendered by us


@register.simple_tag
def channel_style_sheet() -> str:
    """Return the address of the style sheet with the channels' colours."""
    return channel_colours.address()


@register.simple_tag
def declared_channels() -> Sequence[Declaration]:
    """Return what each channel declares, in the order of pages: {% declared_channels as channels %}."""
    return tuple(declarations.declared().values())
