"""Rendering of small pieces that cells of lists are made of."""

from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString


def part(name: str, /, **context: Any) -> SafeString:
    """Render templates/portal/_<name>.html without a page's context."""
    return SafeString(render_to_string(f"portal/_{name}.html", context).strip())  # rendered by us
