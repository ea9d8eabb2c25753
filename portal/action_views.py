"""Deeds on one account or token: permission, confirm page by GET, effect by POST, one event, back to where one was."""

from collections.abc import Callable, Iterable

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import actions, checking
from accounts.errors import DeedRefused
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from portal import access, account_pages, action_pages
from portal.action_pages import Deed
from tokens.channels import registry
from ui import confirm, progress
from ui.confirm import ConfirmForm
from users.models import person

View = Callable[..., HttpResponse]
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def urls() -> list[URLPattern]:
    """Return the addresses of the deeds."""
    wrap = admin.site.admin_view
    found = [
        path(
            f"<int:account_id>/tokens/<int:token_id>/{deed.slug}/",
            wrap(_confirmed(deed)),
            name=f"accounts_account_token_{deed.slug}",
        )
        for deed in action_pages.TOKEN_DEEDS
    ]
    found += [
        path(
            f"<int:account_id>/{deed.slug}/",
            wrap(_confirmed(deed)),
            name=f"accounts_account_{deed.slug}",
        )
        for deed in action_pages.ACCOUNT_DEEDS
    ]
    at_once: list[tuple[str, str, View]] = [
        ("<int:account_id>/tokens/<int:token_id>/check/", "token_check", check_token),
        ("<int:account_id>/tokens/<int:token_id>/move/", "token_move", move),
        ("<int:account_id>/check/", "check", check_account),
        ("<int:account_id>/automatic/", "automatic", automatic),
    ]
    return found + [
        path(route, wrap(_post_only(view)), name=f"accounts_account_{name}") for route, name, view in at_once
    ]


def home(account: Account, anchor: str = "") -> str:
    """Return the address of the account's tab Authenticate Tokens."""
    return reverse("admin:accounts_account_change", args=[account.pk]) + (f"#{anchor}" if anchor else "")


def _confirmed(deed: Deed) -> View:
    """Make the view of a deed with a confirm page."""

    def view(request: HttpRequest, account_id: int, token_id: int | None = None) -> HttpResponse:
        access.demand(request, deed.permission)
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        account = access.account(request, account_id)
        entry = _entry(request, account, token_id)
        if entry is None and token_id is not None:
            messages.error(request, "This token is no longer linked to the account.")
            return HttpResponseRedirect(home(account))
        page = deed.page(account, entry, Names(request.user))
        form = ConfirmForm(request.POST if request.method == "POST" else None, must_type=page.must_type)
        if request.method != "POST" or not form.is_valid():
            shown = form if request.method == "POST" else None
            context = account_pages.context(request, account, "")
            return confirm.show(request, page, context=context, back=home(account), form=shown)
        _act(request, deed, account, entry, form.cleaned_data["note"])
        return HttpResponseRedirect(home(account))

    return view


def _entry(request: HttpRequest, account: Account, token_id: int | None) -> AccountToken | None:
    """Return the pool entry; a POST for one that is gone meanwhile gets None, a GET 404."""
    if token_id is None:
        return None
    if request.method == "POST" and not account.pool.filter(token=token_id).exists():
        return None
    return access.entry(account, token_id)


def _act(request: HttpRequest, deed: Deed, account: Account, entry: AccountToken | None, note: str) -> None:
    """Do the deed and say what became of it."""
    try:
        done = deed.do(
            account=account,
            entry=entry,
            actor=person(request),
            note=note,
            now=timezone.now(),
            seen=request.POST.get("seen", ""),
            names=Names(request.user),
        )
    except DeedRefused as refusal:
        messages.error(request, str(refusal))
        return
    text = (
        format_html('{} <a class="at-link" href="{}">{}</a>', done.text, done.undo, "Switch back")
        if done.undo
        else done.text
    )
    messages.success(request, text) if done.good else messages.warning(request, text)


# --- deeds without a confirm page: they show a message -----------------------------------------------------------------


def _post_only(view: View) -> View:
    def guarded(request: HttpRequest, **kwargs: int) -> HttpResponse:
        access.demand(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return view(request, **kwargs)

    return guarded


def check_token(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Have the channel asked about one token and its accounts now; the page shows what comes of it."""
    access.demand(request, "tokens.probe_token")
    account = access.account(request, account_id)
    return _ask(request, account, [access.entry(account, token_id)])


def check_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Have the channel asked about every token of the pool now; the page shows what comes of it."""
    access.demand(request, "tokens.probe_token")
    account = access.account(request, account_id)
    return _ask(request, account, account.pool.all())


def _ask(request: HttpRequest, account: Account, entries: Iterable[AccountToken]) -> HttpResponse:
    now, ids = timezone.now(), [entry.token_id for entry in entries]
    if account.channel not in registry.CHANNELS:
        label = account.get_channel_display()
        messages.error(request, f"{label} is not part of this installation, so nothing can be checked.")
        return HttpResponseRedirect(home(account))
    checking.ask(token_ids=ids, now=now)
    return HttpResponseRedirect(progress.address(home(account), ids, now))


def move(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Move a token up or down. The address leads back to the same button, so that the focus stays there."""
    access.demand(request, "accounts.rank_token")
    account = access.account(request, account_id)
    entry = access.entry(account, token_id)
    up = request.POST.get("step") == "-1"
    try:
        place = actions.move(
            account=account,
            token=entry.token,
            step=-1 if up else 1,
            actor=person(request),
            now=timezone.now(),
        )
    except DeedRefused as refusal:
        messages.error(request, str(refusal))
    else:
        name = Names(request.user).token(entry.token, account)
        word = PLACES[place - 1] if place <= len(PLACES) else f"number {place}"
        messages.success(request, f"{name} is now {word} of {len(account.pool.all())}.")
    return HttpResponseRedirect(home(account, f"{'up' if up else 'down'}-{token_id}"))


def automatic(request: HttpRequest, account_id: int) -> HttpResponse:
    """Forget the order that was set by hand."""
    access.demand(request, "accounts.rank_token")
    account = access.account(request, account_id)
    actions.back_to_automatic(account=account, actor=person(request), now=timezone.now())
    messages.success(request, "The order is automatic again: longest first.")
    return HttpResponseRedirect(home(account))
