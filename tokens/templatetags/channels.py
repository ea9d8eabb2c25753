"""Template tags that name channels: {% load channels %}. The kit in `ui` knows none."""

from collections.abc import Sequence

from django import template

from tokens import views as channel_colours
from tokens.channels import declarations
from tokens.channels.kinds import Declaration
from ui.templatetags import ui

register = template.Library()


@register.simple_tag
def mark(channel: str, size: str = "") -> str:
    """Return the letter mark of a channel, as HTML; size "" (32 px), "s" (20) or "l" (44). The name must stand near it."""
    return ui.mark(channel, declarations.label(channel)[:1].upper(), size)


@register.simple_tag
def channel_style_sheet() -> str:
    """Return the address of the style sheet with the channels' colours."""
    return channel_colours.style_sheet_url()


@register.simple_tag
def declared_channels() -> Sequence[Declaration]:
    """Return what each channel declares, in the order of pages: {% declared_channels as channels %}."""
    return tuple(declarations.declared().values())
