"""What staff do with a channel app: "Make this the app for new links", "Ask them to re-authenticate", "Test", and "Believe it"."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.asks import views as asking
from accounts.models import AccountToken
from accounts.pool import permissions
from portal import access
from tokens.channel_apps import services as default_app
from tokens.doubts import services as doubts
from tokens.lifecycle import app_faults
from tokens.models import ChannelApp, Doubt, Token
from ui import confirm
from ui.confirm import Done, Late, Page, Said
from ui.phrases import phrase
from users.models import person

say = partial(phrase, "words/app_pages.txt")

CHANGE = "tokens.change_channelapp"
DOUBTS_SHOWN = 100


def urls() -> list[URLPattern]:
    """Return the addresses of the actions."""
    wrap = admin.site.admin_view
    views = (("lead", lead), ("ask", ask), ("test", test), ("believe", believe))
    return [
        path(f"<int:app_id>/{name}/", wrap(view), name=f"tokens_channelapp_{name}") for name, view in views
    ]


@dataclass(frozen=True)
class LogIns:
    """The log-ins of one app."""

    linked: int  # that are in the pool of an account
    works: int  # of these
    unlinked: int


def count_log_ins(app: ChannelApp) -> LogIns:
    """Count the log-ins of an app, over all teams."""
    linked, works = count_in_pools([app]).get(app.pk, (0, 0))
    return LogIns(linked, works, Token.objects.filter(app=app).count() - linked)


def count_in_pools(apps: Iterable[ChannelApp]) -> dict[int, tuple[int, int]]:
    """Count by app (id) the log-ins that are in pools, and those of them that work, over all teams. An app without any is left out."""
    linked = Token.objects.filter(
        app__in=[app.pk for app in apps], pk__in=AccountToken.objects.values("token")
    )
    works = Count("pk", filter=~Q(state=Token.State.DEAD))
    counts = linked.order_by().values("app").annotate(linked=Count("pk"), works=works)
    return {app: (linked, works) for app, linked, works in counts.values_list("app", "linked", "works")}


def in_use(found: LogIns) -> str:
    """Return how many log-ins use an app, in a sentence."""
    if not found.linked:
        return gettext("No log-in uses it any longer.") if found.unlinked else gettext("No log-in uses it.")
    use = ngettext("%(number)s log-in uses it", "%(number)s log-ins use it", found.linked)
    works = ngettext("%(number)s works", "%(number)s work", found.works)
    return gettext("%(use)s: %(works)s, %(stopped)s stopped.") % {
        "use": use % {"number": found.linked},
        "works": works % {"number": found.works},
        "stopped": found.linked - found.works,
    }


def test(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask the channel whether it takes the app's keys (POST), and say what it answered."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    app = _app(request, app_id, CHANGE)
    found = app_faults.verify_keys(app=app, now=timezone.now())
    label = app.get_channel_display()
    if found.took:
        messages.success(request, say("took", channel=label))
    elif found.took is None:
        messages.warning(request, say("did_not_say", channel=label, note=found.note))
    else:
        messages.error(request, say("refused", channel=label, note=found.note))
    return HttpResponseRedirect(address("change", app))


def lead(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask (GET), then let new links use this app (POST)."""
    app = _app(request, app_id, CHANGE)
    used = ChannelApp.objects.leading().filter(channel=app.channel).exclude(pk=app.pk).first()
    page = Page(
        "portal/confirm/app_for_new_links.html",
        address("change", app),
        {"app": app, "now_used": used},
        refused=gettext("New links use it already.") if app.is_default else app.cannot_lead,
    )

    def do(said: Said) -> Done:
        if app.is_default:
            raise Late
        stepped_back = default_app.make_default(app=app)
        access.log_change(request, app, "app_made_lead", note=said.note)
        return Done({"stepped_back": stepped_back})

    return confirm.answer(request, page, do, frame=access.frame_of(app))


def ask(request: HttpRequest, app_id: int) -> HttpResponse:
    """Show who of the app's people would be asked (GET), then have a worker mail them (POST)."""
    app = _app(request, app_id, permissions.ASK)
    entries, back = (
        AccountToken.objects.visible_to(person(request)).filter(token__app=app),
        address("change", app),
    )
    nobody = in_use(count_log_ins(app))
    return asking.answer_ask_page(request, asking.Origin(entries, back, access.frame_of(app), nobody))


def doubted(app: ChannelApp, *, may_decide: bool) -> str:
    """Return what is doubted of an app's log-ins, as HTML, with the way to believe it; "" where nothing is."""
    rows = Doubt.objects.undecided().filter(app=app)
    if not (total := rows.count()):
        return ""
    facts = {
        "rows": rows.select_related("token__consented_by").order_by("began_at", "pk")[:DOUBTS_SHOWN],
        "shown": DOUBTS_SHOWN,
        "total": total,
        "log_ins": rows.values("token").distinct().count(),
        "believe_url": address("believe", app) if may_decide else "",
    }
    return render_to_string("portal/_doubts.html", facts)


def believe(request: HttpRequest, app_id: int) -> HttpResponse:
    """Ask (GET), then have what the channel says against the app's log-ins believed once it says it again (POST)."""
    app = _app(request, app_id, CHANGE)
    waiting = Doubt.objects.undecided().filter(app=app, believed_at=None).values("token").distinct().count()
    page = Page(
        "portal/confirm/believe_doubts.html",
        address("change", app),
        {"channel": app.get_channel_display(), "waiting": waiting},
        late=not waiting,
        danger=True,
        ask_why=False,
    )

    def do(_said: Said) -> Done:
        if page.late:
            raise Late
        number = doubts.believe_doubts(app_id=app.pk, now=timezone.now())
        access.log_change(request, app, "doubts_believed", number=number)
        return Done({"believed": number})

    return confirm.answer(request, page, do, frame=access.frame_of(app))


def _app(request: HttpRequest, app_id: int, permission: str) -> ChannelApp:
    if not request.user.has_perms(["tokens.view_channelapp", permission]):
        raise PermissionDenied
    app = ChannelApp.objects.filter(pk=app_id).first()
    if app is None:
        raise Http404(gettext("There is no such channel app."))
    return app


def address(name: str, app: ChannelApp) -> str:
    """Return the address of a page of the app: change, lead, ask, test, believe."""
    return reverse(f"admin:tokens_channelapp_{name}", args=[app.pk])
