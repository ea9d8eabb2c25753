"""The lists Social Accounts and Authenticate Tokens: search, rows, chips, counts. A fixed number of queries, and no full count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from accounts.models import Account, AccountToken
from portal.filters import ViewFilter
from ui.counts import short_count
from ui.name_visibility import NameVisibility
from ui.paging import COUNTED


@dataclass(frozen=True)
class Cell:
    """One cell of a line. `kind`: head (the row's name), state (beside it on cards), show or hide (on cards)."""

    name: str
    kind: str
    label: str
    value: Any


@dataclass(frozen=True)
class Line:
    """One line of the list."""

    pk: int
    label: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Chip:
    """One filter as a chip: what is chosen, and the links that choose."""

    title: str
    chosen: str  # "" where the filter is off
    remove: str
    choices: Sequence[dict[str, Any]]

    @property
    def toggle(self) -> bool:
        """Return whether it is on or off only."""
        return len(self.choices) == 1


def search(accounts: QuerySet[Account], term: str, names: NameVisibility) -> QuerySet[Account]:
    """Find accounts by name, native id, or by a person that the viewer may know: name, e-mail, name at the channel."""
    term = term.strip()
    if not term:
        return accounts
    person = (
        Q(token__native_user_name__icontains=term)
        | Q(token__consented_by__name__icontains=term)
        | Q(token__consented_by__email__icontains=term)
    )
    if not names.sees_all:
        person &= Q(token__consented_by__in=names.colleagues) | Q(token__consented_by=None)
    linked = AccountToken.objects.filter(person, account=OuterRef("pk"))
    native = term.replace(" ", "").removeprefix("act_")
    return accounts.filter(Q(name__icontains=term) | Q(native_id__icontains=native) | Exists(linked))


def context(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    cl: ChangeList,
    *,
    prepare: Callable[[Any], None],
    everything: QuerySet[Any],
    noun: str,
    phones: frozenset[str],
) -> dict[str, Any]:
    """Return what the list's template shows beside Django's change list.

    `prepare` readies one object for its cells; `everything` is what the person sees without filters; `phones` are the cells of cards.
    """
    columns = [str(name) for name in cl.list_display if name != "action_checkbox"]
    labels = {name: str(label_for_field(name, cl.model, model_admin)) for name in columns}
    found = list(cl.result_list)
    for one in found:
        prepare(one)

    kinds = dict.fromkeys(columns, "hide") | dict.fromkeys(phones, "show")
    kinds |= {"state_cell": "state", columns[0]: "head"}

    def cell(name: str, one: Any) -> Cell:
        return Cell(name, kinds[name], labels[name], lookup_field(name, one, model_admin)[2])

    chips = [_chip(spec, cl) for spec in cl.filter_specs if not isinstance(spec, ViewFilter)]
    total = short_count(everything, limit=COUNTED)
    return {
        "plain_title": True,
        "lines": [Line(one.pk, str(one), [cell(name, one) for name in columns]) for one in found],
        "headers": [
            head for head in result_headers(cl) if "action-checkbox" not in str(head.get("class_attrib", ""))
        ],
        "chips": chips,
        "views": _views(cl),
        "found": f"{COUNTED:,}+" if cl.result_count >= COUNTED else f"{cl.result_count:,}",
        "total": f"{total} {noun}{'' if total == '1' else 's'}",
        "noun": noun,
        "filtered": bool(cl.query) or any(chip.chosen for chip in chips) or bool(request.GET.get("view")),
        "clear": cl.get_query_string(remove=[*cl.filter_params, "q", "p"]),
        "sorted_by_deadline": "o" not in request.GET,
        "kept": [(key, value) for key, value in request.GET.items() if key not in {"q", "p"}],
        "list_url": request.path,
        "deeds": _deeds(model_admin, request),
        **_paging(cl, len(found)),
    }


def _paging(cl: ChangeList, shown: int) -> dict[str, Any]:
    """Return which of the rows are shown, counted from 1, and where the others are."""
    before = (cl.page_num - 1) * cl.list_per_page
    return {
        "first": before + 1,
        "last": before + shown,
        "previous": cl.get_query_string({"p": cl.page_num - 1}) if cl.page_num > 1 else "",
        "next": cl.get_query_string({"p": cl.page_num + 1}) if cl.page_num < cl.paginator.num_pages else "",
    }


def _chip(spec: Any, cl: ChangeList) -> Chip:
    choices = list(spec.choices(cl))
    chosen = [str(choice["display"]) for choice in choices[1:] if choice["selected"]]
    if not chosen and spec.used_parameters:  # a value of the address beyond the choices, as days=45
        chosen = [
            str(value[0] if isinstance(value, list) else value) for value in spec.used_parameters.values()
        ]
    title = str(spec.title)
    return Chip(title[:1].upper() + title[1:], ", ".join(chosen), choices[0]["query_string"], choices[1:])


def _views(cl: ChangeList) -> list[dict[str, Any]]:
    spec = next((spec for spec in cl.filter_specs if isinstance(spec, ViewFilter)), None)
    return [dict(choice) for choice in spec.choices(cl)] if spec else []


_ICONS = {
    "apply_macro": "flag",
    "check_now": "refresh",
    "ask_to_reauthenticate": "mail",
    "move_to_team": "group",
    "pause": "pause_circle",
    "export_csv": "download",
}


def _deeds(model_admin: ModelAdmin[Any], request: HttpRequest) -> list[dict[str, str]]:
    """Return the bulk actions that this person may use."""
    choices = model_admin.get_action_choices(request)
    return [
        {"name": name, "label": str(label), "icon": _ICONS.get(name, "check")}
        for name, label in choices
        if name
    ]
