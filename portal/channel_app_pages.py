"""Channel apps with what depends on them: how many log-ins, "Make this the app for new links", and asking people to move to the new app."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from portal import asking, bulk_items
from portal.forms import ConfirmForm
from tokens import app_faults, default_app
from tokens.models import ChannelApp, Token
from ui import confirm
from ui.confirm import Page

CHANGE, ASK = "tokens.change_channelapp", "tokens.ask_token"


@dataclass(frozen=True)
class LogIns:
    """The log-ins of one app."""

    linked: int  # that are in the pool of an account
    works: int  # of these
    unlinked: int

    def __str__(self) -> str:
        if not self.linked:
            return "No log-in uses it any longer." if self.unlinked else "No log-in uses it."
        stopped = self.linked - self.works
        use = f"{bulk_items.number(self.linked, 'log-in')} use{'s' if self.linked == 1 else ''} it"
        return f"{use}: {self.works} work{'s' if self.works == 1 else ''}, {stopped} stopped."


def log_ins(app: ChannelApp) -> LogIns:
    """Count the log-ins of an app, over all teams."""
    in_a_pool = Exists(AccountToken.objects.filter(token=OuterRef("pk")))
    counted = Token.objects.filter(app=app).annotate(in_a_pool=in_a_pool)
    found = counted.aggregate(
        linked=Count("pk", filter=Q(in_a_pool=True)),
        works=Count("pk", filter=Q(in_a_pool=True) & ~Q(state=Token.State.DEAD)),
        unlinked=Count("pk", filter=Q(in_a_pool=False)),
    )
    return LogIns(**found)


class AppsInUse:
    """A mix-in for the channel apps: what depends on an app, and the deeds when it is replaced."""

    list_display = [
        "name",
        "client_id",
        "state",
        "for_new_links",
        "log_ins_short",
        "fault_text",
        "api_version",
        "secret_saved",
    ]

    def get_fieldsets(self, request: HttpRequest, obj: ChannelApp | None = None) -> Any:
        """Say on the page of a saved app what depends on it."""
        shown = list(super().get_fieldsets(request, obj))  # type: ignore[misc]  # a mix-in
        return [*shown[:1], ("In use", {"fields": ["log_ins", "deeds"]}), *shown[1:]] if obj else shown

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelApp | None = None) -> list[str]:
        """Add what is shown only."""
        return [*super().get_readonly_fields(request, obj), "log_ins", "deeds"]  # type: ignore[misc]  # a mix-in

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the app, with the viewer, whose deeds its page shows."""
        app = super().get_object(request, object_id, from_field)  # type: ignore[misc]  # a mix-in
        if app is not None:
            app.viewer = request.user
        return app

    @display(description="Log-ins")
    def log_ins_short(self, app: ChannelApp) -> str:
        """Return the same for the list, which names the app already."""
        found = log_ins(app)
        return f"{found.works}\u00a0of\u00a0{found.linked}\u00a0work" if found.linked else "None"

    @display(description="Log-ins")
    def log_ins(self, app: ChannelApp) -> str:
        """Return how many log-ins use it."""
        return str(log_ins(app))

    @display(description="What you can do")
    def deeds(self, app: Any) -> SafeString:
        """Return the links to the deeds that this person may do."""
        links = []
        if app.viewer.has_perm(CHANGE) and not app.is_default and not default_app.cannot_lead(app):
            links.append((_url("lead", app), "Make this the app for new links"))
        if app.viewer.has_perm(ASK) and app.state == ChannelApp.State.RETIRING and log_ins(app).linked:
            links.append((_url("ask", app), "Ask them to re-authenticate"))
        more = format_html_join(SafeString(""), ' · <a class="at-link" href="{}">{}</a>', links)
        if not app.viewer.has_perm(CHANGE) or app.secrets is None:
            return more or format_html('<span class="at-quiet">{}</span>', "Nothing to do here.")
        # Of the form around it, which is not saved by it.
        test = '<button class="at-btn" type="submit" formaction="{}" formnovalidate>Test</button> {}'
        return format_html(
            f"{test}{{}}",
            _url("test", app),
            "Asks the channel whether it takes ID and secret as saved.",
            more,
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the deeds."""
        site = self.admin_site  # type: ignore[attr-defined]  # a mix-in
        views: list[tuple[str, Callable[..., HttpResponse]]] = [
            ("lead", self.lead),
            ("ask", self.ask),
            ("test", self.test),
        ]
        mine = [
            path(f"<int:app_id>/{name}/", site.admin_view(view), name=f"tokens_channelapp_{name}")
            for name, view in views
        ]
        return [*mine, *super().get_urls()]  # type: ignore[misc]  # a mix-in

    def test(self, request: HttpRequest, app_id: int) -> HttpResponse:
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
        return HttpResponseRedirect(_url("change", app))

    def lead(self, request: HttpRequest, app_id: int) -> HttpResponse:
        """Ask (GET), then let new links use this app (POST)."""
        app = _app(request, app_id, CHANGE)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self._lead(request, app, form.cleaned_data["note"])
            return HttpResponseRedirect(_url("change", app))
        return self._confirm(request, app, _lead_page(app))

    def _lead(self, request: HttpRequest, app: ChannelApp, note: str) -> None:
        if app.is_default:
            messages.error(request, f"Somebody was faster: new links use {app} already.")
            return
        try:
            stepped_back = default_app.make_default(app=app)
        except default_app.NotReady as refusal:
            messages.error(request, str(refusal))
            return
        self.log_change(request, app, f"Made the app for new links. {note}".strip())  # type: ignore[attr-defined]  # a mix-in
        retiring = "".join(f" {other} is retiring; its log-ins go on working." for other in stepped_back)
        messages.success(request, f"New links use {app} now.{retiring}")

    def ask(self, request: HttpRequest, app_id: int) -> HttpResponse:
        """Show who would be asked (GET), then mail them (POST)."""
        app = _app(request, app_id, ASK)
        asks = asking.everybody(_waiting(request, app), Names(request.user), timezone.now())
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            bulk_items.run(request, asks, form.cleaned_data["note"], done=asking.mails_on_the_way)
            return HttpResponseRedirect(_url("change", app))
        return self._confirm(request, app, _ask_page(app, asks))

    def _confirm(self, request: HttpRequest, app: ChannelApp, page: Page) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        site = self.admin_site  # type: ignore[attr-defined]  # a mix-in
        context = {**site.each_context(request), "account": None}
        return confirm.show(request, page, context=context, back=_url("change", app))


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
        facts.append(("Log-ins of the old app", f"{log_ins(now)} They go on working, and are renewed."))
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
        refused="" if live else "Nobody is asked: see the reasons above." if asks else str(log_ins(app)),
    )


def _url(name: str, app: ChannelApp) -> str:
    return reverse(f"admin:tokens_channelapp_{name}", args=[app.pk])
