"""A deed on many accounts: how far it is, what came of each, the way to take it back, and to run it again where it failed."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET

from accounts import deed_rows, deed_words, deeds, jobs, tasks, visible_deeds
from accounts.deed_kinds import APPLY_MACRO, IMPORT, KINDS, MOVE, REMOVE_MACRO, UNDO
from accounts.deed_words import WORDS, say
from accounts.importing import problems
from accounts.models import Account, Deed, DeedRow, ImportFileLine
from macros.models import Macro
from portal import access
from ui import confirm, progress
from ui.confirm import Done, Late, Page, Said
from ui.phrases import blocks, phrase
from users import asking_workers, hold
from users.models import Team, person
from users.visibility import names_for

LATE = 60.0  # seconds after which a deed that nobody has begun waits for a worker
SMALL = 50  # accounts of which the page waits for the result itself
PATIENCE = 1.5  # seconds that it waits
LOOK = 0.1  # seconds between two looks
ON_A_PAGE = 100
Outcome = DeedRow.Outcome
# Icon and tone of an outcome.
LOOKS = {
    Outcome.DONE: ("check_circle", "good"),
    Outcome.SKIPPED: ("block", "mute"),
    Outcome.FAILED: ("cancel", "bad"),
}
# What a deed's title names, by its kind, and what it says where that is gone.
_NAMED: Mapping[str, tuple[type[Model], Any]] = {
    APPLY_MACRO: (Macro, gettext_lazy("a deleted macro")),
    REMOVE_MACRO: (Macro, gettext_lazy("a deleted macro")),
    MOVE: (Team, gettext_lazy("a deleted team")),
}


@dataclass(frozen=True)
class Line:
    """One account of the result."""

    name: str
    url: str
    about: str  # channel and id
    label: str
    icon: str
    tone: str
    why: str


def urls() -> list[URLPattern]:
    """Return the addresses of a deed's page, of its undo, and of the page that runs it again."""
    views = [("", "", require_GET(show)), ("undo/", "_undo", undo), ("again/", "_again", again)]
    return [
        path(
            f"deeds/<int:deed_id>/{tail}",
            admin.site.admin_view(view),
            name=f"accounts_account_deed{name}",
        )
        for tail, name, view in views
    ]


def start(
    request: HttpRequest,
    kind: str,
    ids: QuerySet[Any, Any],
    said: Said,
    *,
    subject_id: int = 0,
    options: Mapping[str, object] | None = None,
    undoes: Deed | None = None,
) -> Done:
    """Have a worker do it to accounts (a query of their ids), and lead to the page that says how far it is. Raises OnHold."""
    hold.refuse()
    deed, is_new = deeds.start_on(
        ids,
        user=person(request),
        kind=kind,
        subject_id=subject_id,
        note=said.note,
        options=options,
        once=said.seen.rpartition(".")[2],
        undoes=undoes,
        now=timezone.now(),
    )
    if is_new:
        transaction.on_commit(partial(asking_workers.ask, tasks.do_deeds))
    return Done(nothing=True, after=address(deed))


def asked_already(request: HttpRequest) -> Deed | None:
    """Return the deed that the page began that is sent, where it is sent once more."""
    once = request.POST.get("seen", "").rpartition(".")[2]
    mine = Deed.objects.defer("keys").filter(user=person(request), once=once)
    return mine.first() if once else None


def address(deed: Deed, page: str = "") -> str:
    """Return the address of a page of the deed: "" for itself, "_undo", "_again"."""
    return reverse(f"admin:accounts_account_deed{page}", args=[deed.pk])


def show(request: HttpRequest, deed_id: int) -> HttpResponse:
    """Show how far a deed is, and what came of each account, to whoever asked for it or sees all teams. 404 for others."""
    deed = patiently(_deed(request, deed_id))
    going, mine = deed.state in jobs.GOING, deed.user_id == person(request).pk
    waited = (timezone.now() - deed.created_at).total_seconds()
    chosen = request.GET.get("show", "")
    chosen = chosen if chosen in Outcome.values else ""
    rows = deed.rows.order_by("place")
    page = Paginator(rows.filter(outcome=chosen) if chosen else rows, ON_A_PAGE)
    some = page.get_page(request.GET.get("p"))
    undone = deed.undone_by.exclude(state=Deed.State.FAILED).first()
    context = {
        **access.frame_of(Account, _back(deed))(request),
        "title": title(deed),
        "deed": deed,
        "by": "" if mine else names_for(request.user).user(deed.user),
        "going": going,
        "late": deed.state == Deed.State.WAITING and waited > LATE,
        "on_hold": going and hold.current() is not None,
        "far": deed_words.far(deed),
        "came_of_it": deed_words.came_of_it(deed),
        "tabs": _tabs(deed, chosen),
        "lines": _LINES.get(deed.kind, _lines)(request, some.object_list),
        "page": some,
        "query": f"show={chosen}&" if chosen else "",
        "undone": address(undone) if undone else "",
        "undo_url": address(deed, "_undo") if may_undo(request, deed) and not undone else "",
        "again_url": address(deed, "_again") if mine and not going and deed.failed else "",
        "failed": deed.failed,
        "until": (deed.ended_at or deed.created_at) + deeds.KEPT_FOR,
        "back_url": _back(deed),
    }
    answer = TemplateResponse(request, "portal/bulk_deed.html", context)
    return progress.open_again(answer) if going else answer


def undo(request: HttpRequest, deed_id: int) -> HttpResponse:
    """Ask (GET), then have a worker take it back where it was done (POST). Raises PermissionDenied."""
    deed = _deed(request, deed_id)
    kind = KINDS[deed.kind].undo
    if not kind or not deeds.allows(KINDS[kind], person(request)):
        raise PermissionDenied
    if not may_undo(request, deed):
        messages.warning(request, gettext("There is nothing to undo."))
        return HttpResponseRedirect(address(deed))
    ids = deed_rows.keys_of(deed, Outcome.DONE)
    page = Page(
        "portal/confirm/undo_deed.html",
        address(deed),
        {"number": deed.acted, "what": title(deed)},
        late=deed.undone_by.exclude(state=Deed.State.FAILED).exists(),
    )

    def do(said: Said) -> Done:
        if page.late:
            raise Late
        options = {"back": deed.options.get("back", ""), "name": deed.options.get("name", "")}
        return start(request, kind, ids, said, subject_id=deed.subject_id, options=options, undoes=deed)

    return confirm.answer(request, page, do, frame=access.frame_of(Account, _back(deed)))


def again(request: HttpRequest, deed_id: int) -> HttpResponse:
    """Ask (GET), then have a worker do it again for those that failed (POST). Raises PermissionDenied.

    Only for whoever asked for it: mails of it go out in that person's name.
    """
    deed = _deed(request, deed_id)
    if deed.user_id != person(request).pk:
        raise PermissionDenied
    if not deeds.allows(KINDS[deed.kind], person(request)):
        raise PermissionDenied
    if deed.state in jobs.GOING or not deed.failed:
        return HttpResponseRedirect(address(deed))
    page = Page(
        "portal/confirm/again_deed.html",
        address(deed),
        {"number": deed.failed, "what": title(deed)},
        ask_why=False,
        seen=f"again-{deed.pk}",
    )

    def do(said: Said) -> Done:
        said = Said(note=deed.note, again=False, seen=said.seen, cleaned={})
        ids = deed_rows.keys_of(deed, Outcome.FAILED)
        return start(
            request,
            deed.kind,
            ids,
            said,
            subject_id=deed.subject_id,
            options=deed.options | ({deed_rows.UNDOES: deed.undoes_id} if deed.undoes_id else {}),
        )

    return confirm.answer(request, page, do, frame=access.frame_of(Account, _back(deed)))


def title(deed: Deed, names: Mapping[int, str] | None = None) -> str:
    """Return what was asked for, in words. Of many deeds their `names` are read at once."""
    kind = deed.kind.removeprefix(UNDO)
    name = (names_of([deed]) if names is None else names)[deed.pk]
    said = say(f"title_{kind}", total=deed.total, shown=intcomma(deed.total), name=name)
    return say("title_undo", what=said) if kind != deed.kind else said


def names_of(found: Collection[Deed]) -> dict[int, str]:
    """Return by deed (ids) the macro, team or address that its title names; "" where it names none."""
    named = {one.pk: _NAMED.get(one.kind.removeprefix(UNDO)) for one in found if not one.options.get("name")}
    ids = defaultdict[type[Model], set[int]](set)
    for one in found:
        if what := named.get(one.pk):
            ids[what[0]].add(one.subject_id)
    rows = {model: model._default_manager.in_bulk(some) for model, some in ids.items()}  # noqa: SLF001  # Django documents it
    return {
        one.pk: str(rows[what[0]].get(one.subject_id, what[1]))
        if (what := named.get(one.pk))
        else str(one.options.get("name", ""))
        for one in found
    }


def _deed(request: HttpRequest, deed_id: int) -> Deed:
    access.require(request)
    deed = visible_deeds.visible_to(person(request)).filter(pk=deed_id).first()
    if deed is None or KINDS[deed.kind].many is None:
        raise Http404(gettext("There is no such page. What was done to many is told for a day."))
    return deed


def patiently(deed: Deed) -> Deed:
    """Return the deed; of a small one that was just asked for, what came of it, if that is known in a moment."""
    if deed.total > SMALL or (timezone.now() - deed.created_at).total_seconds() > PATIENCE:
        return deed
    end = monotonic() + PATIENCE
    while deed.state in jobs.GOING and monotonic() < end:
        sleep(LOOK)
        deed.refresh_from_db(fields=["state", "done", "total", "acted", "skipped", "failed"])
    return deed


def may_undo(request: HttpRequest, deed: Deed) -> bool:
    """Return whether the person may take back what the deed did, if nobody did so yet."""
    kind = KINDS[deed.kind].undo
    allowed = bool(kind) and deeds.allows(KINDS[kind], person(request))
    return allowed and deed.acted > 0 and deed.state not in jobs.GOING


def _tabs(deed: Deed, chosen: str) -> list[dict[str, Any]]:
    counts = {Outcome.DONE: deed.acted, Outcome.SKIPPED: deed.skipped, Outcome.FAILED: deed.failed}
    tabs = [{"url": address(deed), "label": gettext("All"), "number": deed.done, "chosen": not chosen}]
    tabs += [
        {
            "url": f"{address(deed)}?show={one.value}",
            "label": one.label,
            "number": counts[one],
            "chosen": chosen == one.value,
        }
        for one in Outcome
    ]
    return tabs


def _lines(request: HttpRequest, rows: Any) -> list[Line]:
    """Return the rows of a page; an account that the viewer no longer sees has no name."""
    some = list(rows)
    seen = Account.objects.visible_to(request.user).in_bulk([row.key for row in some])
    return [_line(row, seen.get(row.key)) for row in some]


def _line(row: DeedRow, account: Account | None, words: str = WORDS) -> Line:
    outcome = Outcome(row.outcome)
    icon, tone = LOOKS[outcome]
    return Line(
        name=account.name if account else gettext("An account that you do not see"),
        url=reverse("admin:accounts_account_change", args=[account.pk]) if account else "",
        about=f"{account.get_channel_display()} · {account.native_id}" if account else "",
        label=str(outcome.label),
        icon=icon,
        tone=tone,
        why=phrase(words, row.why, **row.facts) if row.why and account else "",
    )


def _lines_of_file(request: HttpRequest, rows: Any) -> list[Line]:
    """Return the rows of an import: lines of a file, whose accounts may not be there yet."""
    some = list(rows)
    files = {row.deed.subject_id for row in some}
    kept = ImportFileLine.objects.filter(file__in=files).in_bulk([row.key for row in some])
    ids = [line.account_id for line in kept.values() if line.account_id]
    seen = Account.objects.visible_to(request.user).in_bulk(ids)
    return [_line_of_file(row, kept.get(row.key), seen) for row in some]


def _line_of_file(row: DeedRow, line: ImportFileLine | None, seen: Mapping[int, Account]) -> Line:
    account = seen.get(line.account_id or 0) if line else None
    words = problems.WORDS if row.why in blocks(problems.WORDS) else WORDS
    about = filter(None, [say("line", number=line.number), line.called]) if line else ()
    return dataclasses.replace(
        _line(row, account, words),
        name=account.name if account else line.name if line else gettext("A line that is no longer stored"),
        about=" · ".join(about),
        why=phrase(words, row.why, **row.facts) if row.why else "",
    )


_LINES: Mapping[str, Callable[[HttpRequest, Any], list[Line]]] = {IMPORT: _lines_of_file}


def _back(deed: Deed) -> str:
    """Return the list as the person left it."""
    return str(deed.options.get("back") or reverse("admin:accounts_account_changelist"))
