"""What came of inviting somebody for very many accounts: how far a worker is, and then each account, with why it was left out."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import deed_kinds, deed_words, jobs
from accounts.deed_words import say
from accounts.models import Account, Deed, DeedRow
from ui import progress
from ui.counts import number
from users import hold
from users.models import User, person

ON_A_PAGE = 100
LATE = 60.0  # seconds after which one that nobody has begun waits for a worker
Outcome = DeedRow.Outcome
# Icon and tone of what came of an account; what was not done comes first.
LOOKS = {
    Outcome.FAILED: ("cancel", "bad"),
    Outcome.SKIPPED: ("block", "mute"),
    Outcome.DONE: ("check_circle", "good"),
}


@dataclass(frozen=True)
class Line:
    """One account."""

    account: Account | None  # None: the person no longer sees it
    row: DeedRow
    why: str

    @property
    def icon(self) -> str:
        """The icon of what came of it."""
        return LOOKS[Outcome(self.row.outcome)][0]

    @property
    def tone(self) -> str:
        """Its colour."""
        return LOOKS[Outcome(self.row.outcome)][1]


@login_required
@require_GET
@never_cache
def show(request: HttpRequest, deed_id: int) -> HttpResponse:
    """Show it to whoever asked for it, for a day. 404 for others."""
    mine = Deed.objects.defer("keys").filter(user=person(request), kind=deed_kinds.INVITE)
    deed = get_object_or_404(mine, pk=deed_id)
    going = deed.state in jobs.GOING
    places = [When(outcome=one, then=place) for place, one in enumerate(LOOKS)]
    page = Paginator(deed.rows.order_by(Case(*places), "place"), ON_A_PAGE).get_page(request.GET.get("page"))
    waited = (timezone.now() - deed.created_at).total_seconds()
    context = {
        "deed": deed,
        "going": going,
        "on_hold": going and hold.current() is not None,
        "late": deed.state == Deed.State.WAITING and waited > LATE,
        "stopped": deed.state == Deed.State.FAILED,
        "title": title(deed),
        "far": deed_words.far(deed),
        "came_of_it": deed_words.came_of_it(deed),
        "lines": _lines(request, list(page.object_list)),
        "number": page.number,
        "pages": page.paginator.num_pages,
    }
    answer = render(request, "selfservice/invited_many.html", context)
    return progress.open_again(answer) if going else answer


def latest_of(user: User) -> list[tuple[str, int]]:
    """Return the last that the person began on My accounts, in words, with its id; none for who began none within a day."""
    mine = Deed.objects.defer("keys").filter(user=user, kind=deed_kinds.INVITE).order_by("-pk")
    elsewhere = mine.filter(options__has_key="back")  # on pages that lead to it
    return [(title(one), one.pk) for one in mine.exclude(pk__in=elsewhere.values("pk"))[:1]]


def title(deed: Deed) -> str:
    """Return what was asked for, in words."""
    return say("title_invite", total=deed.total, shown=number(deed.total), name=deed.options["name"])


def _lines(request: HttpRequest, rows: list[DeedRow]) -> list[Line]:
    seen = Account.objects.visible_to(person(request)).in_bulk([row.key for row in rows])
    return [_line(row, seen.get(row.key)) for row in rows]


def _line(row: DeedRow, account: Account | None) -> Line:
    if account is None:
        return Line(None, row, gettext("An account that you do not see"))
    return Line(account, row, say(row.why, **row.facts) if row.why else "")
