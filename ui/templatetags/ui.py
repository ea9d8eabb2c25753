"""Template tags of the portal and of the self-service pages: {% load ui %}. Usage is shown in docs/presentation.md."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import forms, template
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ui import dates, pills, text
from ui import stored_phrases as kept

register = template.Library()
# {{ people|join_names }}, {{ message.error|said }}: a phrase that is kept, in the language that is spoken.
for _filter in (kept.said, text.join_names, text.join_or, text.mid, text.quoted, text.restriction_said):
    register.filter(_filter)

_MESSAGE_LOOKS = {
    "success": {"tone": "good", "icon": "check_circle"},
    "warning": {"tone": "warn", "icon": "warning"},
    "error": {"tone": "bad", "icon": "cancel"},
}


def _part(name: str, /, **context: Any) -> SafeString:
    """Render a part without the page's context and without the file's last line break, so that texts stay tight."""
    return SafeString(render_to_string(f"ui/_{name}.html", context).strip())  # rendered by us


@lru_cache(1_024)  # a list shows hundreds of them, and the same few
def _remembered(name: str, /, **context: str) -> SafeString:
    """Render a part of few texts, none of which names anybody."""
    return _part(name, **context)


@register.simple_tag
def icon(name: str, size: str = "", tone: str = "") -> SafeString:
    """Return an icon of icons.svg; size "" (18 px), "s" (14) or "l" (24). Decoration: the word is beside it."""
    return _remembered("icon", name=str(name), size=str(size), tone=str(tone))


@register.simple_tag
def pill(state: str | pills.Pill, key: str = "", label: str = "") -> SafeString:
    """Return a pill: {% pill "account" summary.health %} of a family and a key, or {% pill row.pill %} of a pill that a row holds."""
    one = state if isinstance(state, pills.Pill) else pills.pill(state, key, label=label)
    return _remembered("pill", label=str(one.label), tone=str(one.tone), icon=str(one.icon))


def mark(kind: str, letter: str, size: str = "") -> SafeString:
    """Return a letter in the colours of `at-mark-<kind>`; size as in {% mark %} of `channels`, which shows a channel's."""
    return _remembered("mark", kind=kind, letter=letter, size=size)


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Return the initials of a person in a circle; size "" (34 px) or "s" (24)."""
    return _part("avatar", letters=text.initials(name), size=size)


@register.simple_tag
def days_left(facts: dates.DeadlineFacts, now: datetime, note: str = "") -> SafeString:
    """Return number, bar and the line below for a deadline."""
    left = dates.days_left(facts, now=now, zone=timezone.get_current_timezone())
    return _part("days", days=left, note=note)


@register.simple_tag
def time_left(facts: dates.DeadlineFacts, now: datetime) -> str:
    """Return only the words: "10 days left", "No end date"."""
    return dates.days_left(facts, now=now, zone=timezone.get_current_timezone()).text


@register.simple_tag
def works_until(
    facts: dates.DeadlineFacts, undated: int, channel_label: str, now: datetime
) -> dates.WorksUntil:
    """Return heading, date and note of an account's end: {% works_until summary.deadline summary.undated label now as until %}."""
    zone = timezone.get_current_timezone()
    return dates.works_until(facts, undated=undated, channel_label=channel_label, now=now, zone=zone)


@register.simple_tag
def when(moment: datetime, form: str = "full", now: datetime | None = None) -> SafeString:
    """Return <time> in the active zone; form "full", "short", "day", "clock" (of today) or "ago" (needs `now`). Its title has UTC.

    Raises TemplateSyntaxError for "ago" without it.
    """
    zone = timezone.get_current_timezone()
    forms_of = dates.moment(moment, zone=zone, now=now)
    if form == "ago":
        if now is None:
            raise template.TemplateSyntaxError('{% when moment "ago" now %} needs now.')
        return _part("date", moment=forms_of, text=dates.ago(moment, now=now, zone=zone))
    return _part("date", moment=forms_of, text=getattr(forms_of, form))


@register.filter
def first_name(name: object) -> str:
    """Return how a sentence calls a person: {{ user|first_name }}."""
    return text.first_name(name if isinstance(name, str) else str(name))  # a hidden name keeps its type


@register.filter
def join_quoted(names: Sequence[str]) -> str:
    """Return "“Ben” and “Chiara”", however many they are."""
    return text.join_all([text.quoted(str(name)) for name in names])


@register.filter
def message_look(level_tag: str) -> dict[str, str]:
    """Return tone and icon for a Django message's level."""
    return _MESSAGE_LOOKS.get(level_tag, {"tone": "accent", "icon": "info"})


@register.filter
def broken_fields(form: forms.BaseForm) -> list[forms.BoundField]:
    """Return the visible fields of a form that need a change."""
    return [field for field in form.visible_fields() if field.errors]


@register.simple_tag
def field(
    bound: forms.BoundField | str, label: str = "", *, hint: str = "", optional: bool = False
) -> SafeString:
    """Return a field with label, help and errors, "" for one that is not there: {% field form.note label=_("Why?") optional=True %}."""
    return _part("field", field=bound, label=label, help=hint, optional=optional) if bound else SafeString("")


@register.simple_block_tag
def notice(
    content: str, tone: str = "mute", icon: str = "info", *, url: str = "", button: str = "", role: str = ""
) -> SafeString:
    """Show a notice: {% notice "warn" "mail" url=parked_url button=_("Open") %}<b>Its title</b><p>More.</p>{% endnotice %}.

    `url` is an address, or the name of one.
    """
    to = resolve_url(url) if url else ""
    return _part("notice", content=content, tone=tone, icon=icon, url=to, button=button, role=role)


@register.simple_tag
def heads(*names: str) -> SafeString:
    """Return the head of a table, a column for each name: {% heads _("Log-in") _("State") %}."""
    columns = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
    return format_html("<thead><tr>{}</tr></thead>", columns)


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
