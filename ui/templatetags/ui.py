"""Template tags of both faces: {% load ui %}. Usage is shown in docs/presentation.md."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms, template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from ui import presentation

register = template.Library()

_MESSAGE_LOOKS = {
    "success": {"tone": "good", "icon": "check_circle"},
    "warning": {"tone": "warn", "icon": "warning"},
    "error": {"tone": "bad", "icon": "cancel"},
}


def _part(name: str, /, **context: Any) -> SafeString:
    """Render a part without the page's context and without the file's last line break, so that texts stay tight."""
    return SafeString(render_to_string(f"ui/_{name}.html", context).strip())  # rendered by us


@register.simple_tag
def icon(name: str, size: str = "", tone: str = "") -> SafeString:
    """Return an icon of icons.svg; size "" (18 px), "s" (14) or "l" (24). Decoration: the word is beside it."""
    return _part("icon", name=name, size=size, tone=tone)


@register.simple_tag
def pill(state: presentation.Pill) -> SafeString:
    """Return a pill for a presentation.Pill."""
    return _part("pill", label=state.label, tone=state.tone, icon=state.icon)


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Return the initials of a person in a circle; size "" (34 px) or "s" (24)."""
    return _part("avatar", letters=presentation.initials(name), size=size)


@register.simple_tag
def initials(name: str) -> str:
    """Return two letters for a person."""
    return presentation.initials(name)


@register.simple_tag
def daybar(bar: presentation.DayBar) -> SafeString:
    """Return the bar of a presentation.DayBar; the number must be shown above it."""
    return _part("daybar", bar=bar)


@register.simple_tag
def days(left: presentation.DaysLeft, note: str = "") -> SafeString:
    """Return number, bar and the line below for a presentation.DaysLeft."""
    return _part("days", days=left, note=note)


@register.simple_tag(name="days_left")
def days_left_tag(
    deadline: datetime | None, now: datetime, kind: str = "", *, usable: bool = True
) -> SafeString:
    """Return number and bar for a deadline; without `kind` no deadline means that it is not known."""
    left = presentation.days_left(
        deadline_kind=kind or ("date" if deadline else "unknown"),
        deadline=deadline,
        now=now,
        zone=timezone.get_current_timezone(),
        usable=usable,
    )
    return days(left)


@register.simple_tag
def when(moment: datetime, form: str = "full", now: datetime | None = None) -> SafeString:
    """Return <time> in the active zone; form "full", "short", "day" or "ago" ("ago" needs `now`). Its title has the time in UTC."""
    zone = timezone.get_current_timezone()
    forms_of = presentation.moment(moment, zone=zone, now=now)
    if form == "ago":
        if now is None:
            raise template.TemplateSyntaxError('{% when moment "ago" now %} needs now.')
        return _part("date", moment=forms_of, text=presentation.ago(moment, now=now, zone=zone))
    return _part("date", moment=forms_of, text=getattr(forms_of, form))


@register.filter
def first_name(name: object) -> str:
    """Return how a sentence calls a person: {{ user|first_name }}."""
    return presentation.first_name(str(name))


@register.filter
def join_names(names: Sequence[str]) -> str:
    """Return "Ben and Chiara": {{ people|join_names }}."""
    return presentation.join_names(names)


@register.filter
def message_look(level_tag: str) -> dict[str, str]:
    """Return tone and icon for a Django message's level."""
    return _MESSAGE_LOOKS.get(level_tag, {"tone": "accent", "icon": "info"})


@register.filter
def broken_fields(form: forms.BaseForm) -> list[forms.BoundField]:
    """Return the visible fields of a form that need a change."""
    return [field for field in form.visible_fields() if field.errors]


@register.simple_tag
def described(field: forms.BoundField) -> SafeString:
    """Return a field's widget, tied to its help and error by aria-describedby and marked by aria-invalid when wrong."""
    ids = [f"{field.auto_id}_helptext"] if field.help_text else []
    attrs: dict[str, Any] = {}
    if field.field.widget.attrs.get("placeholder") in {field.label, "Email address"}:
        attrs["placeholder"] = ""  # allauth repeats the label; the label is above it already
    if field.errors:
        ids.append(f"{field.auto_id}_error")
        attrs["aria-invalid"] = "true"
    if ids and not field.use_fieldset:
        attrs["aria-describedby"] = " ".join(ids)
    return field.as_widget(attrs=attrs)
