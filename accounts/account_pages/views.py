"""What staff do with one account or token: permission, a page that asks by GET, effect by POST, one event, back to where one was."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts.asks import rules
from accounts.asks import views as asking
from accounts.checks import jobs as checking
from accounts.jobs.models import MOVE
from accounts.models import Account, AccountToken, AskLine
from accounts.pool import actions, permissions
from accounts.pool import queries as pool_queries
from accounts.pool.errors import ActionRefused
from accounts.pool.health import READING_REFUSED
from broker.gate.views import connect
from macros.mutes import acknowledgements
from macros.mutes import views as mute_lines
from portal import access
from portal.bulk import Bulk, Chosen, plain_lines
from portal.forms import MoveForm
from tokens.checks import views as renewing
from tokens.models import Token
from tokens.token import reasons
from ui import confirm, progress
from ui.confirm import ConfirmLine, Done, Late, Page, Said
from ui.dates import days_left
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.models import User, person
from users.people.queries import names_for


def _lines(accounts: Sequence[Account], viewer: User) -> list[ConfirmLine]:
    names, lines = names_for(viewer), plain_lines(accounts, viewer)
    return [replace(line, then=names.team(one.team)) for one, line in zip(accounts, lines, strict=True)]


def _form(request: HttpRequest) -> Callable[..., MoveForm]:
    """Return the form with the viewer's teams, and with the one that the address proposes."""
    return partial(MoveForm, viewer=person(request), initial={"team": request.GET.get("team")})


def _facts(chosen: Chosen) -> Mapping[str, Any]:
    return {"asks": AskLine.objects.for_accounts(chosen.whole).count()}


BULKS = (Bulk(MOVE, _lines, "", form=_form, facts=_facts, subject="team"),)


say = partial(phrase, "words/pool.txt")

View = Callable[..., HttpResponse]
CHECK, RENEW = "tokens.probe_token", "tokens.renew_token"


def urls() -> list[URLPattern]:
    """Return the addresses of the actions on an account and on a token of its pool."""
    on_token: dict[str, View] = {
        "activate": make_active,
        "unlink": unlink,
        "ask": ask,
        "renew": renew,
        "check": _post_only(check_token),
        "move": _post_only(move),
    }
    on_account: dict[str, View] = {
        "check": _post_only(check_account),
        "automatic": _post_only(automatic),
        "on_it": say_on_it,
        "on_it_back": take_back,
        "connect": connect,
    }
    wrap = admin.site.admin_view
    return [
        *(
            path(f"<int:account_id>/tokens/<int:token_id>/{name}/", wrap(view), name=f"accounts_account_token_{name}")
            for name, view in on_token.items()
        ),
        *(
            path(f"<int:account_id>/{name.replace('_', '-')}/", wrap(view), name=f"accounts_account_{name}")
            for name, view in on_account.items()
        ),
    ]  # fmt: skip


def account_address(account: Account, anchor: str = "") -> str:
    """Return the address of the account's tab Authenticate Tokens."""
    return reverse("admin:accounts_account_change", args=[account.pk]) + (f"#{anchor}" if anchor else "")


# --- on a token --------------------------------------------------------------------------------------------------------


def make_active(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Ask (GET), then serve this token from now on (POST)."""
    account, entry, names = _found(request, permissions.MAKE_ACTIVE, account_id, token_id)
    if entry is None:
        return _gone(request, account)
    before = next((one for one in account.pool.all() if one.token_id == account.active_token_id), None)
    name = names.token(entry.token, account)
    refused = ""
    if not entry.is_usable:
        text = gettext("%(name)s cannot be made active: the token is not usable now.")
        refused = text % {"name": name}
    elif entry.stands_back(account.pool.all()):
        refused = reasons.explain(account.channel, READING_REFUSED, person=name).what
    facts = {
        "account": account,
        "name": name,
        "first": _first(entry, account, names),
        "first_name": names.first(entry.token, account),
        "now_active": _described(before, account, names),
        "then_active": _described(entry, account, names),
    }
    page = Page(
        "portal/confirm/make_active.html",
        account_address(account),
        facts,
        late=before is not None and before.token_id == entry.token_id,
        refused=refused,
        warns=entry.token.deadline_kind == Token.DeadlineKind.UNKNOWN,
    )

    def do(said: Said) -> Done:
        actions.make_active(
            account=account, token=entry.token, actor=person(request), note=said.note, now=timezone.now()
        )
        undo = ""
        if before is not None and before.is_usable:
            undo = reverse("admin:accounts_account_token_activate", args=[account.pk, before.token_id])
        return Done({"undo": undo})

    return confirm.answer(request, page, do, frame=access.frame_of(account))


def unlink(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Ask (GET), then have the account forget this token (POST). The log-in at the channel stays."""
    account, entry, names = _found(request, permissions.UNLINK, account_id, token_id)
    if entry is None:
        return _gone(request, account)
    usable = entry.is_usable
    others = account.usable_without(token_id)
    last = usable and not others
    facts = {
        "account": account,
        "name": names.token(entry.token, account),
        "first": _first(entry, account, names),
        "usable_now": len(others) + usable,
        "usable_then": len(others),
        "last": last,
        "was_active": account.active_token_id == token_id,
        "then": _described(others[0], account, names) if others else "",
    }  # fmt: skip
    page = Page(
        "portal/confirm/unlink.html",
        account_address(account),
        facts,
        must_type=account.name if last else "",
        warns=last,
        danger=True,
    )

    def do(said: Said) -> None:
        actions.unlink_token(
            account=account, token=entry.token, actor=person(request), note=said.note, now=timezone.now()
        )

    return confirm.answer(request, page, do, frame=access.frame_of(account))


def ask(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Ask (GET), then mail the person and ask to re-authenticate (POST)."""
    account, entry, _ = _found(request, permissions.ASK, account_id, token_id)
    if entry is None:
        return _gone(request, account)
    origin = asking.Origin(
        AccountToken.objects.filter(pk=entry.pk),
        account_address(account),
        access.frame_of(account),
        refused=rules.asking_is_vain(entry),
    )
    return asking.answer_ask_page(request, origin)


def renew(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Ask (GET), then renew the token at its channel (POST)."""
    account, entry, names = _found(request, RENEW, account_id, token_id)
    if entry is None:
        return _gone(request, account)
    name, stopped = names.token(entry.token, account), entry.token.state == Token.State.DEAD
    refused = gettext("Only %(name)s can bring it back: it has stopped.") % {"name": name}
    page = Page(
        "portal/confirm/renew.html",
        account_address(account),
        {"account": account, "name": name, "left": _left(entry)},
        refused=refused if stopped else "",
        ask_why=False,
    )

    def do(_said: Said) -> Done:
        if stopped:
            raise Late
        renewal = renewing.renew(token=entry.token, actor=person(request), now=timezone.now())
        return Done({"renewed": renewal.text}, good=renewal.moved)

    return confirm.answer(request, page, do, frame=access.frame_of(account))


def _found(
    request: HttpRequest, permission: str, account_id: int, token_id: int
) -> tuple[Account, AccountToken | None, NameVisibility]:
    """Return account and pool entry; a POST for an entry that is gone meanwhile gets None, a GET 404."""
    access.require(request, permission)
    account, names = access.account(request, account_id), names_for(request.user)
    if request.method == "POST" and not account.pool.filter(token=token_id).exists():
        return account, None, names
    return account, access.entry(account, token_id), names


def _gone(request: HttpRequest, account: Account) -> HttpResponse:
    messages.error(request, gettext("This token is no longer linked to the account."))
    return HttpResponseRedirect(account_address(account))


def _first(entry: AccountToken, account: Account, names: NameVisibility) -> str:
    return (
        names.first(entry.token, account) if names.sees_token(entry.token, account) else gettext("this token")
    )


def _left(entry: AccountToken) -> str:
    """Return "10 days left", or the words that replace it."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    left = days_left(pool_queries.deadline_facts(entry.token, usable=True, now=now), now=now, zone=zone)
    return gettext("date not available") if left.bar.kind == "unknown" else left.text


def _described(entry: AccountToken | None, account: Account, names: NameVisibility) -> str:
    return f"{names.token(entry.token, account)} · {_left(entry)}" if entry else ""


# --- without a page that asks: they show a message -----------------------------------------------------------------


def _post_only(view: View) -> View:
    def guarded(request: HttpRequest, **kwargs: int) -> HttpResponse:
        access.require(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return view(request, **kwargs)

    return guarded


def check_token(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Have the channel asked about one token and its accounts now; the page shows what comes of it."""
    access.require(request, CHECK)
    account = access.account(request, account_id)
    return _ask(account, [access.entry(account, token_id)])


def check_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Have the channel asked about every token of the pool now; the page shows what comes of it."""
    access.require(request, CHECK)
    account = access.account(request, account_id)
    return _ask(account, account.pool.all())


def _ask(account: Account, entries: Iterable[AccountToken]) -> HttpResponse:
    now, ids = timezone.now(), [entry.token_id for entry in entries]
    checking.ask_to_check(token_ids=ids, now=now, writes_in=[account.pk])
    return HttpResponseRedirect(progress.address(account_address(account), ids, now))


def move(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Move a token up or down. The address leads back to the same button, so that the focus stays there."""
    access.require(request, permissions.RANK)
    account = access.account(request, account_id)
    entry = access.entry(account, token_id)
    up = request.POST.get("step") == "-1"
    try:
        place = actions.move_in_order(
            account=account,
            token=entry.token,
            step=-1 if up else 1,
            actor=person(request),
            now=timezone.now(),
        )
    except ActionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        name = names_for(request.user).token(entry.token, account)
        messages.success(
            request, say("moved", who=name, place=say("number", n=place), n_all=len(account.pool.all()))
        )
    return HttpResponseRedirect(account_address(account, f"{'up' if up else 'down'}-{token_id}"))


def automatic(request: HttpRequest, account_id: int) -> HttpResponse:
    """Forget the order that was set by hand."""
    access.require(request, permissions.RANK)
    account = access.account(request, account_id)
    actions.back_to_automatic(account=account, actor=person(request), now=timezone.now())
    messages.success(request, gettext("The order is automatic again: longest first."))
    return HttpResponseRedirect(account_address(account))


def say_on_it(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks whether the person takes care of the account, POST notes it and mails the others who were warned."""
    return _on_it(request, account_id, "on_it", acknowledgements.acknowledge)


def take_back(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks, POST takes back that the person is on it."""
    return _on_it(request, account_id, "on_it_back", acknowledgements.take_back)


def _on_it(request: HttpRequest, account_id: int, name: str, note: Callable[..., object]) -> HttpResponse:
    access.require(request, mute_lines.SNOOZE)
    account = access.account(request, account_id)
    page = Page(f"portal/confirm/{name}.html", account_address(account), {"account": account}, ask_why=False)

    def do(_said: Said) -> None:
        deadlines = acknowledgements.deadlines_on(account)
        if not note(deadlines=deadlines, email=person(request).email, now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=access.frame_of(account))
