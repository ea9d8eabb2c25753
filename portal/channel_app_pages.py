"""What staff do with a channel app: "Make this the app for new links", "Ask them to re-authenticate", and "Test"."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.app_use import LogIns, log_ins
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from portal import access, asking, bulk_items
from tokens import app_faults, default_app
from tokens.models import ChannelApp
from ui import confirm
from ui.confirm import ConfirmForm, Page

CHANGE, ASK = "tokens.change_channelapp", "tokens.ask_token"


def urls() -> list[URLPattern]:
    """Return the addresses of the deeds."""
    wrap = admin.site.admin_view
    views = (("lead", lead), ("ask", ask), ("test", test))
    return [
        path(f"<int:app_id>/{name}/", wrap(view), name=f"tokens_channelapp_{name}") for name, view in views
    ]


def in_use(found: LogIns) -> str:
    """Return how many log-ins use an app, in a sentence."""
    if not found.linked:
        return "No log-in uses it any longer." if found.unlinked else "No log-in uses it."
    stopped = found.linked - found.works
    use = f"{bulk_items.number(found.linked, 'log-in')} use{'s' if found.linked == 1 else ''} it"
    return f"{use}: {found.works} work{'s' if found.works == 1 else ''}, {stopped} stopped."


def test(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask the channel whether it takes the app's keys (POST), and say what it answered."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    app = _app(request, app_id, CHANGE)
    found = app_faults.verify_keys(app=app, now=timezone.now())
    label = app.get_channel_display()
    if found.took:
        messages.success(request, f"{label} takes the ID and the secret of this app.")
    elif found.took is None:
        said = f" It answered: {found.note}" if found.note else ""
        messages.warning(
            request, f"{label} did not say whether it takes them.{said} Link an ad account to try it."
        )
    else:
        messages.error(request, f"{label} refuses this app: {found.note} Check ID and secret.")
    return HttpResponseRedirect(address("change", app))


def lead(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask (GET), then let new links use this app (POST)."""
    app = _app(request, app_id, CHANGE)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _lead(request, app, form.cleaned_data["note"])
        return HttpResponseRedirect(address("change", app))
    return _confirm(request, app, _lead_page(app))


def _lead(request: HttpRequest, app: ChannelApp, note: str) -> None:
    if app.is_default:
        messages.error(request, f"Somebody was faster: new links use {app} already.")
        return
    try:
        stepped_back = default_app.make_default(app=app)
    except default_app.NotReady as refusal:
        messages.error(request, str(refusal))
        return
    access.log_change(request, app, f"Made the app for new links. {note}".strip())
    retiring = "".join(f" {other} is retiring; its log-ins go on working." for other in stepped_back)
    messages.success(request, f"New links use {app} now.{retiring}")


def ask(request: HttpRequest, app_id: int) -> HttpResponse:
    """Show who would be asked (GET), then mail them (POST)."""
    app = _app(request, app_id, ASK)
    asks = asking.everybody(_waiting(request, app), Names(request.user), timezone.now())
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        bulk_items.run(request, asks, form.cleaned_data["note"], done=asking.mails_on_the_way)
        return HttpResponseRedirect(address("change", app))
    return _confirm(request, app, _ask_page(app, asks))


def _confirm(request: HttpRequest, app: ChannelApp, page: Page) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    context = {**access.frame(request), "account": None}
    return confirm.show(request, page, context=context, back=address("change", app))


def _app(request: HttpRequest, app_id: int, permission: str) -> ChannelApp:
    if not request.user.has_perms(["tokens.view_channelapp", permission]):
        raise PermissionDenied
    app = ChannelApp.objects.filter(pk=app_id).first()
    if app is None:
        raise Http404("There is no such channel app.")
    return app


def _waiting(request: HttpRequest, app: ChannelApp) -> list[tuple[Account, AccountToken]]:
    """Return the pool entries of the app's log-ins in accounts that this person sees, by account."""
    visible = Account.objects.visible_to(request.user)
    entries = AccountToken.objects.filter(token__app=app, account__in=visible)
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    return [(entry.account, entry) for entry in entries.order_by("account__name", "pk")]


def _lead_page(app: ChannelApp) -> Page:
    now = ChannelApp.objects.filter(channel=app.channel, is_default=True).exclude(pk=app.pk).first()
    facts = [("Now", str(now) if now else "no app"), ("Then", str(app))]
    if now is not None:
        facts.append(
            ("Log-ins of the old app", f"{in_use(log_ins(now))} They go on working, and are renewed.")
        )
    return Page(
        question=f"Let new links use {app}?",
        lead="Whoever links or re-authenticates from now on does so through this app. The other one retires.",
        button="Make this the app for new links",
        facts=[*facts, ("Undo", "make the other one the app for new links again")],
        refused="New links use it already." if app.is_default else default_app.cannot_lead(app),
    )


def _ask_page(app: ChannelApp, asks: list[bulk_items.Job]) -> Page:
    live = bulk_items.live(asks)
    return Page(
        question=asking.question(asks) if live else "Nobody can be asked",
        lead=f"Their log-ins use {app}. One mail a person, with all log-ins and accounts.",
        button=f"Send {bulk_items.number(live, 'mail')}",
        people=bulk_items.lines(asks, "now"),
        columns=("Person", "Accounts", "Mail"),
        refused="" if live else "Nobody is asked: see the reasons above." if asks else in_use(log_ins(app)),
    )


def address(name: str, app: ChannelApp) -> str:
    """Return the address of a page of the app: change, lead, ask, test."""
    return reverse(f"admin:tokens_channelapp_{name}", args=[app.pk])
