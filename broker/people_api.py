"""The calls about people, for systems of personnel. The keys of jobs lack the scope."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Router, Status

from accounts.models import ApiKey
from broker import people, people_plan
from broker.api import caller_of
from broker.people import Offboarding
from broker.people_schemas import Leaver, OffboardIn, OffboardingOut, OffboardingPlan

router = Router(tags=["people"])


@router.post(
    "/people/offboarding-plan",
    response=OffboardingPlan,
    operation_id="plan_offboarding",
    summary="Read what an offboarding would do",
)
def plan(request: HttpRequest, leaver: Leaver) -> OffboardingPlan:
    """Return what stops, who could carry it, for what somebody is to be invited, and which API keys can be named. Nothing is changed.

    By POST, since addresses are logged and the e-mail is nobody's business there.
    """
    caller, now = caller_of(request, ApiKey.Scope.OFFBOARD), timezone.now()
    found = people.plan(caller=caller, email=leaver.email, now=now)
    return people_plan.describe(found, caller, now=now)


@router.post(
    "/people/offboard",
    response={202: OffboardingOut},
    operation_id="offboard_person",
    summary="Offboard a person who leaves",
)
def offboard(request: HttpRequest, response: HttpResponse, wanted: OffboardIn) -> Status[OffboardingOut]:
    """Lock the person out at once; a worker ends their log-ins and tells the channels. Answered 202, with where to see how far it is.

    What **Offboard** in the portal does, with what is ticked there: backups at hand are added first, colleagues whose log-ins stopped are
    asked to re-authenticate, leads are told what stops; and whoever is named in `invite` is invited for what nobody could carry. API keys
    that the person made go on working, and operators are told of them, unless `revoke_keys` or `take_over_keys` names them; a key in both
    is revoked. Sent again it is the same offboarding, whatever else the body says. The key acts in the name of whoever made it, and within
    its teams and channels alone. What it would do, `/people/offboarding-plan` says.
    """
    caller = caller_of(request, ApiKey.Scope.OFFBOARD)
    found = people.offboard(caller=caller, wanted=wanted, now=timezone.now())
    said = _out(found)
    response["Location"] = said.url
    return Status(202, said)


@router.get(
    "/people/offboardings/{int:offboarding_id}",
    response=OffboardingOut,
    operation_id="get_offboarding",
    summary="See how far an offboarding is",
)
def read_offboarding(request: HttpRequest, offboarding_id: int) -> OffboardingOut:
    """Return how far it is. It is known for a day; after that, and outside of the key's teams, 404."""
    caller = caller_of(request, ApiKey.Scope.OFFBOARD)
    return _out(people.progress(caller=caller, deed_id=offboarding_id))


def _out(found: Offboarding) -> OffboardingOut:
    deed = found.deed
    return OffboardingOut(
        id=deed.pk,
        url=f"{settings.BASE_URL}{reverse('api:read_offboarding', args=[deed.pk])}",
        state={"waiting": "waiting", "making": "working", "ready": "done", "failed": "failed"}[deed.state],  # type: ignore[arg-type]  # the column's choices
        started_at=deed.created_at,
        steps=deed.total,
        steps_done=deed.done,
        failures=list(deed.failures),
        log_ins_left=found.log_ins_left,
        channels_to_tell=found.untold,
    )
