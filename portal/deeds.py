"""How far a deed on many is that a worker does, and what came of it: one page for all kinds, whose words are in templates/portal/deeds/."""

from collections.abc import Mapping
from functools import partial

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET

from accounts import deeds, jobs, permissions, tasks, visible_deeds
from accounts.deed_kinds import ASK_DUE, ASK_PEOPLE_OF_APP, KINDS, OFFBOARD
from accounts.leaving import plan
from accounts.models import Deed
from portal import access, bulk_deeds, deed_people, sidebar
from tokens.models import ChannelApp, Token
from ui import progress
from ui.confirm import Done, Late, Said
from ui.counts import number
from users import asking_workers, hold
from users.models import User, person
from users.visibility import names_for

LATE = 60.0  # seconds after which a deed that nobody has begun waits for a worker


def _ask_people(people: int) -> str:
    asked = ngettext(
        "Ask %(people)s person to re-authenticate", "Ask %(people)s people to re-authenticate", people
    )
    return asked % {"people": number(people)}


def _offboard(_number: int) -> str:
    return gettext("Offboarding")


_TITLES = {ASK_PEOPLE_OF_APP: _ask_people, ASK_DUE: _ask_people, OFFBOARD: _offboard}
# What each kind is about, and the page of the one that it is about; none: it begins on the start page, and leads back there.
_ABOUT: dict[str, tuple[type[Model], str]] = {
    ASK_DUE: (User, ""),
    ASK_PEOPLE_OF_APP: (ChannelApp, "admin:tokens_channelapp_change"),
    OFFBOARD: (User, "admin:users_user_change"),
}


def urls() -> list[URLPattern]:
    """Return the address of a deed's page."""
    return [
        path("deeds/<int:deed_id>/", admin.site.admin_view(require_GET(show)), name="tokens_channelapp_deed")
    ]


def begin(
    request: HttpRequest,
    kind: str,
    subject_id: int,
    keys: list[int],
    said: Said,
    *,
    skipped: int,
    options: Mapping[str, object] | None = None,
) -> Done:
    """Have a worker do it, and lead to the page that says how far it is.

    Raises Late where somebody else has begun it, OnHold where nothing is done.
    """
    hold.refuse()
    user = person(request)
    deed, is_new = deeds.start(
        user=user,
        kind=kind,
        subject_id=subject_id,
        keys=keys,
        note=said.note,
        skipped=skipped,
        now=timezone.now(),
        options=options,
    )
    if is_new:
        transaction.on_commit(partial(asking_workers.ask, tasks.do_deeds))
    elif deed.user_id != user.pk:
        raise Late
    return Done(nothing=True, after=address(deed))


def show(request: HttpRequest, deed_id: int) -> HttpResponse:
    """Show how far a deed is to whoever asked for it or sees all teams. 404 for others, 403 for whoever may no longer do it."""
    viewer = person(request)
    deed = visible_deeds.visible_to(viewer).filter(pk=deed_id).first()
    if deed is None or deed.kind not in _ABOUT:
        raise Http404(gettext("There is no such page. What was done to many is told for a day."))
    if not (viewer.has_perm(KINDS[deed.kind].permission) or viewer.sees_all_teams):
        raise PermissionDenied
    model, page_name = _ABOUT[deed.kind]
    back_url = reverse(page_name, args=[deed.subject_id]) if page_name else reverse("admin:index")
    sidebar.stand_at(request, back_url)
    asks = KINDS[deed.kind].ask is not None
    deed = bulk_deeds.patiently(deed) if asks else deed
    going = deed.state in jobs.GOING
    rows = Paginator(deed.rows.order_by("place"), bulk_deeds.ON_A_PAGE).get_page(request.GET.get("p"))
    waited = (timezone.now() - deed.created_at).total_seconds()
    stopped = deed.state == Deed.State.FAILED
    subject = model._default_manager.filter(pk=deed.subject_id).first()  # noqa: SLF001  # Django documents it
    after = _after_offboarding(subject) if isinstance(subject, User) and deed.kind == OFFBOARD else {}
    context = {
        **(access.frame_of(model) if page_name else access.frame)(request),
        "title": title(deed),
        "deed": deed,
        "by": "" if deed.user_id == viewer.pk else names_for(viewer).user(deed.user),
        "subject": subject,
        "going": going,
        "late": deed.state == Deed.State.WAITING and waited > LATE,
        "stopped": stopped,
        "warns": stopped or not deed.acted or bool(after.get("fell_short")),
        "unshown": deed.failed - len(deed.failures) if deed.failures else 0,
        "lines": deed_people.lines(rows.object_list, viewer) if asks else [],
        "page": rows,
        "campaign_url": _campaign(request, deed) if asks and not going else "",
        "back_url": back_url,
        **after,
    }
    page = TemplateResponse(request, f"portal/deeds/{deed.kind}.html", context)
    return progress.open_again(page) if going else page


def title(deed: Deed, names: Mapping[int, str] | None = None) -> str:
    """Return what was asked for, in words; also of a deed on accounts that staff chose (`names`: see `bulk_deeds.names_of`)."""
    words = _TITLES.get(deed.kind)
    return words(deed.total) if words else bulk_deeds.title(deed, names)


def address(deed: Deed) -> str:
    """Return the address of the deed's page; also of a deed on accounts that staff chose."""
    if deed.kind in _ABOUT:
        return reverse("admin:tokens_channelapp_deed", args=[deed.pk])
    return bulk_deeds.address(deed)


def _after_offboarding(leaver: User) -> dict[str, object]:
    """Return what holds now of somebody who was seen off: the deed alone does not say it, who was switched on again goes on."""
    living = plan.living_log_ins(leaver).count()
    return {
        "is_on": leaver.is_active,
        "living": living,
        "unrevoked": Token.objects.to_revoke().filter(consented_by=leaver).count(),
        "fell_short": leaver.is_active or bool(living),
    }


def _campaign(request: HttpRequest, deed: Deed) -> str:
    """Return the page that begins a campaign for the same log-ins, which reminds their people; "" for whoever may not."""
    if not request.user.has_perm(permissions.RUN_CAMPAIGN):
        return ""
    if deed.kind == ASK_DUE:
        return reverse("admin:campaign_due")
    return reverse("admin:tokens_channelapp_campaign", args=[deed.subject_id])
