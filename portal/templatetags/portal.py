"""The path above every page of the portal: its list, the row that it is about, and the step."""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.contrib import admin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import force_str
from django.utils.translation import gettext, gettext_lazy

from portal.lists import value_of

register = template.Library()
# What the theme's icons are called where they stand alone in a link or a button (ui/static/adtoken/admin.js).
ICONS: dict[str, Any] = {
    "close": gettext_lazy("Close"),
    "delete": gettext_lazy("Delete"),
    "more_horiz": gettext_lazy("More"),
    "search": gettext_lazy("Search"),
}


@register.simple_tag
def icon_names() -> str:
    """Return the names of icons in the reader's language, as JSON for the script."""
    return json.dumps({icon: str(name) for icon, name in ICONS.items()})


@register.inclusion_tag("portal/_path.html", takes_context=True)
def path_above(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the links back (words and address), and what the page is called at their end.

    One of our pages names what it is about (`access.frame_of`) and, if it is a step or a tab, its `crumb`; the theme's forms name a model
    (`opts`) and a row (`original` or `object`). What is about no row names the `path` itself. Lists, the start page and what opens in a
    window of its own have their title alone.
    """
    title = force_str(context.get("title") or "")
    framed = {"has_heading": context.get("layout") == "portal/shared_page.html"}
    if (path := context.get("path")) is not None:
        return {"links": path, "here": title, **framed}
    about, step = context.get("about"), context.get("crumb", "")
    if about is None and (opts := context.get("opts")):
        row = context.get("original") or context.get("object")
        about = row if isinstance(row, Model) else opts.model
        step = "" if context.get("change") else gettext("History") if "action_list" in context else title
    if about is None or context.get("cl") or context.get("is_popup"):
        return {"links": [], "here": title}
    model_admin: Any = admin.site.get_model_admin(about if isinstance(about, type) else type(about))
    links = [
        (force_str(model_admin.list_title), context.get("list_url") or _list(model_admin, context["request"]))
    ]
    if isinstance(about, type):
        here = step or title
    elif step:
        if own := _own_page(model_admin, about):
            links.append((model_admin.row_name(about), own))
        here = step
    else:
        here = model_admin.row_name(about)
    opens = model_admin.has_view_permission(context["request"])
    return {"links": [(words, url if opens else "") for words, url in links], "here": here, **framed}


@register.simple_tag
def value(one: Any) -> Any:
    """Return what a field of a form says that is only looked at (Django's AdminReadonlyField)."""
    return value_of(one.field["field"], one.form.instance, one.model_admin)


def _list(model_admin: Any, request: HttpRequest) -> str:
    """Return the address of the list as one left it."""
    filters = {"preserved_filters": model_admin.get_preserved_filters(request), "opts": model_admin.opts}
    return add_preserved_filters(filters, reverse(_name(model_admin, "changelist")))


def _own_page(model_admin: Any, row: Model) -> str:
    """Return the address of the row's page; "" where it has none."""
    try:
        return reverse(_name(model_admin, "change"), args=[row.pk])
    except NoReverseMatch:
        return ""


def _name(model_admin: Any, page: str) -> str:
    return f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_{page}"
