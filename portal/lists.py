"""What every list of the portal has: chips, lines, dates and pills of one kind, cards on phones. No full count of a big table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrOrPromise

from portal import sidebar
from portal.rows import OwnPages, RowLink, Words
from ui.addresses import id_of
from ui.templatetags import ui as tags
from ui.text import LIMIT, counted, number, short_count, shown


def part(name: str, /, **context: Any) -> SafeString:
    """Render templates/portal/_<name>.html without a page's context."""
    return SafeString(render_to_string(f"portal/_{name}.html", context).strip())  # rendered by us


def tabs(
    counts: Sequence[tuple[str, StrOrPromise, int]],
    chosen: str,
    *,
    name: str,
    page: str = "",
    everything: str = "",
) -> list[dict[str, Any]]:
    """Return what ui/_tabs.html shows: "All", then each value of `name` in the address with its words and how many rows it keeps.

    `page`: the address without it; `everything`: the value that stands for all.
    """
    whole = (everything, gettext("All"), sum(number for _, _, number in counts))
    return [
        {
            "url": f"{page}?{name}={value}" if value else page,
            "label": label,
            "number": number,
            "chosen": value == chosen,
        }
        for value, label, number in (whole, *counts)
    ]


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts as far as pages count, or to the end of the page that is asked for: no list ends early, and no big table is counted whole."""

    asked = 1  # the page that is asked for

    @property
    def limit(self) -> int:
        """How many rows are counted, and one more."""
        return max(LIMIT, self.asked * self.per_page)

    @cached_property
    def count(self) -> int:
        """Return the number of rows; one more than `limit` where there are more."""
        rows: Any = self.object_list  # always a queryset here
        return counted(rows, limit=self.limit)


@dataclass(frozen=True)
class Cell:
    """One cell of a line. `kind`: head (the row's name), state (beside it on cards), show or hide (on cards)."""

    name: str
    kind: str
    label: str
    value: Any


@dataclass(frozen=True)
class ListLine:
    """One line of the list."""

    pk: Any
    label: str
    cells: Sequence[Cell]
    links: Sequence[RowLink] = ()


@dataclass(frozen=True)
class Chip:
    """One filter as a chip: what is chosen, and the links that choose."""

    title: str
    chosen: str  # "" where the filter is off
    remove: str
    choices: Sequence[dict[str, Any]]
    toggle: bool = False  # its one choice is on or off
    finds: tuple[str, str] = ("", "")  # parameter and words of a field that finds what is not listed


class FiltersOnly(ChangeList):
    """What a list's address keeps, where no page of it is shown: no row is counted or read."""

    def get_results(self, request: HttpRequest) -> None:  # Django's
        """Find no rows."""
        self.result_count = self.full_result_count = 0
        self.result_list: Sequence[Any] = []


class OwnList(OwnPages):
    """A ModelAdmin that is drawn by us. Its list: each filter a chip and a link, each row a line that is a card on phones.

    The first column is the row's name, `state_column` its state. Columns that are no method show dates, choices and "Yes" or "No" alike.
    """

    list_title: ClassVar[Words]  # as the menu calls it
    # npgettext_lazy("of so many", "%(shown)s account", "%(shown)s accounts", "number"): behind "2 of", which in German wants its own case
    nouns: ClassVar[Any]
    searched: ClassVar[Words] = gettext_lazy("Search")  # shown in the empty search field
    ordered: ClassVar[Words] = ""  # says how the list is sorted where nobody chose
    empty_words: ClassVar[Words] = gettext_lazy("Nothing here yet.")
    none_match: ClassVar[Words] = gettext_lazy("Nothing matches.")
    titles: ClassVar[Mapping[str, Words]] = {}  # of chips, where the field's own name is not fit for people
    state_column: ClassVar[str] = "state_cell"  # shown beside the name on cards
    on_cards: ClassVar[frozenset[str] | None] = None  # columns that cards show; None: all
    action_icons: ClassVar[Mapping[str, str]] = {}
    first_actions: ClassVar[int] = 3  # actions in the bar itself; the others are behind "More"
    seldom: ClassVar[frozenset[str]] = frozenset()  # parameters of filters that are behind "More"
    table_class: ClassVar[str] = ""
    change_list_template = "portal/list.html"
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> CappedPaginator:
        """Return what counts the rows, and cuts them into pages."""
        paginator = super().get_paginator(request, *args, **kwargs)
        assert isinstance(paginator, CappedPaginator)
        paginator.asked = id_of(request.GET.get("p", "")) or 1
        return paginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the class that finds the rows of the list."""
        return FiltersOnly if getattr(request, "filters_only", False) else ChangeList

    def filtered(self, request: HttpRequest, query: QueryDict) -> QuerySet[Any]:
        """Return what the list would show under the filters of this address, in its order; nothing where one is not known.

        Nothing is read but what the filters themselves ask.
        """
        kept, request.GET = request.GET, query  # type: ignore[assignment]  # a change list reads the filters of the request itself
        request.filters_only = True  # type: ignore[attr-defined]  # see get_changelist
        try:
            found: QuerySet[Any] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            found = self.model._default_manager.none()  # noqa: SLF001  # Django documents it
        finally:
            request.GET = kept
            request.filters_only = False  # type: ignore[attr-defined]
        return found

    def preparing(self, request: HttpRequest) -> Callable[[Any], None]:
        """Return what readies each row that is shown for its cells; asked once a page."""
        return lambda row: None

    def prepare_page(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Read for all rows of a page at once what their cells show."""

    def everything(self, request: HttpRequest) -> QuerySet[Any]:
        """Return what the viewer sees without filters, to be counted."""
        return self.get_queryset(request)

    def row_links(self, request: HttpRequest) -> Callable[[Any], Sequence[RowLink]]:
        """Return what gives a row its actions: shown on hover and focus, and in a menu where nothing hovers. Asked once a page."""
        return lambda row: ()

    def row_name(self, row: Any) -> str:
        """Return what the tick of a row says that it chooses."""
        return str(row)

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return what this list's template shows beside the lines."""
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, or lead from a bulk action to the page that asks."""
        shown = {"title": self.list_title, **(extra_context or {})}
        response = super().changelist_view(request, shown)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context:
            context |= {"tabs": sidebar.tabs(request)}
            context |= _context(self, request, context["cl"]) | self.list_facts(request)
        return response


class ReadOnlyList(OwnList):
    """A list of rows that are written where they come about: no form adds, changes or deletes one; actions have pages."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False


class RowsWithPages(ReadOnlyList):
    """Such a list whose rows each have a page, which only shows one."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one row. Raises PermissionDenied without the permission, and for anything but looking; Http404 as `row_page` does."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        return self.row_page(request, id_of(object_id))

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the page of one row. Raises Http404 for one that the viewer does not see; 0 is the id of none."""
        raise NotImplementedError


def _context(model_admin: OwnList, request: HttpRequest, cl: ChangeList) -> dict[str, Any]:
    """Return what the list's template shows beside Django's change list."""
    lines = _lines(model_admin, request, cl)
    specs = [spec for spec in cl.filter_specs if not _is_tabs(spec)]
    chips = [_chip(spec, cl, model_admin.titles) for spec in specs]
    # What is seldom asked for is behind "More", unless it is chosen.
    folded = [
        (chip, spec.parameter_name in model_admin.seldom and not chip.chosen)
        if hasattr(spec, "parameter_name")
        else (chip, False)
        for chip, spec in zip(chips, specs, strict=True)
    ]
    limit = cl.paginator.limit
    found = shown(cl.result_count, limit=limit)
    narrowed = bool(set(request.GET) - {"p", "o"})  # else it is counted already
    total = short_count(model_admin.everything(request), limit=limit) if narrowed else found
    actions = _bulk_actions(model_admin, request)
    return {
        "lines": lines,
        "headers": [
            head for head in result_headers(cl) if "action-checkbox" not in str(head.get("class_attrib", ""))
        ],
        "chips": [chip for chip, kept in folded if not kept],
        "more_chips": [chip for chip, kept in folded if kept],
        "table_class": model_admin.table_class,
        "views": [dict(choice) for spec in cl.filter_specs if _is_tabs(spec) for choice in spec.choices(cl)],
        "found": found,
        "total": model_admin.nouns % {"number": 1 if total == "1" else 2, "shown": total},
        "gone": [_capital(str(spec.title)) for spec in cl.filter_specs if getattr(spec, "is_gone", False)],
        "filtered": bool(cl.query) or any(chip.chosen for chip in chips) or bool(request.GET.get("view")),
        "clear": cl.get_query_string(remove=[*cl.filter_params, "q", "p"]),
        "is_ordered": "o" not in request.GET,
        "kept": [
            (key, value) for key, values in request.GET.lists() for value in values if key not in {"q", "p"}
        ],
        "all_kept": [(key, value) for key, values in request.GET.lists() for value in values if key != "p"],
        "here": cl.get_query_string(),
        "list_url": request.path,
        "bulk_actions": actions[: model_admin.first_actions],
        "more_actions": actions[model_admin.first_actions :],
        **_paging(cl, len(lines)),
    }


def _lines(model_admin: OwnList, request: HttpRequest, cl: ChangeList) -> list[ListLine]:
    columns = [str(name) for name in cl.list_display if name != "action_checkbox"]
    labels = {name: str(label_for_field(name, cl.model, model_admin)) for name in columns}
    on_cards = columns if model_admin.on_cards is None else model_admin.on_cards
    kinds = {name: "show" if name in on_cards else "hide" for name in columns}
    kinds |= {model_admin.state_column: "state", columns[0]: "head"}
    found, prepare = list(cl.result_list), model_admin.preparing(request)
    model_admin.prepare_page(request, found)
    for row in found:
        prepare(row)

    def cell(name: str, row: Any) -> Cell:
        value = value_of(name, row, model_admin)
        if name == columns[0] and cl.list_display_links:
            value = _link(value, row, cl)
        return Cell(name, kinds[name], _capital(labels[name]), value)

    links = model_admin.row_links(request)
    return [
        ListLine(row.pk, model_admin.row_name(row), [cell(name, row) for name in columns], links(row))
        for row in found
    ]


def value_of(name: str, row: Any, model_admin: Any) -> Any:
    """Return what a cell, or a field that is only looked at, shows: dates as on all pages, "Yes" and "No", a choice's word."""
    field, attribute, value = lookup_field(name, row, model_admin)
    if isinstance(value, bool) and (field is not None or getattr(attribute, "boolean", False)):
        return part("yes_no", value=value)
    if isinstance(value, datetime):
        return tags.when(value)
    if isinstance(field, models.ForeignKey):
        return getattr(row, field.name) or "–"
    return value if field is None else display_for_field(value, field, "–")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _link(value: Any, row: Any, cl: ChangeList) -> SafeString:
    """Return the row's name as the link to its page, which leads back to the list as it is."""
    address = add_preserved_filters(
        {"preserved_filters": cl.preserved_filters, "opts": cl.opts}, cl.url_for_result(row)
    )
    return format_html('<a class="at-name" href="{}">{}</a>', address, value)


def _paging(cl: ChangeList, lines: int) -> dict[str, Any]:
    """Return which of the rows are shown, counted from 1, and where the others are."""
    before = (cl.page_num - 1) * cl.list_per_page
    return {
        "first": number(before + 1),
        "last": number(before + lines),
        "previous": cl.get_query_string({"p": cl.page_num - 1}) if cl.page_num > 1 else "",
        "next": cl.get_query_string({"p": cl.page_num + 1}) if cl.page_num < cl.paginator.num_pages else "",
    }


def _is_tabs(spec: Any) -> bool:
    """Return whether a filter is drawn as tabs above the list."""
    return getattr(spec, "as_tabs", False)


def _chip(spec: Any, cl: ChangeList, titles: Mapping[str, Words]) -> Chip:
    choices = list(spec.choices(cl))
    chosen = [str(choice["display"]) for choice in choices[1:] if choice["selected"]]
    if getattr(spec, "is_gone", False):
        chosen = [gettext("unknown")]
    elif not chosen and spec.used_parameters:  # a value of the address beyond the choices, as days=45
        chosen = [
            str(value[0] if isinstance(value, list) else value) for value in spec.used_parameters.values()
        ]
    toggle = getattr(spec, "on_off", False)
    remove, rest = choices[0]["query_string"], choices[1:]
    title = str(titles.get(getattr(spec, "field_path", ""), spec.title))
    finds = (spec.parameter_name, str(spec.finds)) if getattr(spec, "finds", "") else ("", "")
    return Chip(_capital(title), ", ".join(chosen), remove, rest, toggle=toggle, finds=finds)


def _bulk_actions(model_admin: OwnList, request: HttpRequest) -> list[dict[str, str]]:
    """Return the bulk actions that this person may use."""
    icons = model_admin.action_icons
    return [
        {"name": name, "label": str(label), "icon": icons.get(name, "check")}
        for name, label in model_admin.get_action_choices(request)
        if name
    ]
