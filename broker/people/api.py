"""The calls about people, for systems of personnel. The keys of jobs lack the scope."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Router, Status

from accounts.models import ApiKey
from broker.api.api import caller_of
from broker.people import services as people
from broker.people.schemas import (
    OffboardIn,
    OffboardingOut,
)
from broker.people.services import Offboarding

router = Router(tags=["people"])


@router.post(
    "/people/offboard",
    response={202: OffboardingOut},
    operation_id="offboard_person",
    summary="Offboard a person who leaves",
)
def offboard(request: HttpRequest, response: HttpResponse, wanted: OffboardIn) -> Status[OffboardingOut]:
    """Lock the person out at once; a worker ends their log-ins and tells the channels. Answered 202, with where to see how far it is.

    What **Offboard** in the portal does, with what is ticked there: backups at hand are added first, colleagues whose log-ins stopped are
    asked to re-authenticate, and leads are told what stops. API keys that the person made go on working, and operators are told of them.
    Sent again it is the same offboarding, whatever else the body says. The key acts in the name of whoever made it, and within its teams
    and channels alone. By POST, since addresses are logged and the e-mail is nobody's business there.
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
    return _out(people.progress(caller=caller, job_id=offboarding_id))


def _out(found: Offboarding) -> OffboardingOut:
    job = found.job
    return OffboardingOut(
        id=job.pk,
        url=f"{settings.BASE_URL}{reverse('api:read_offboarding', args=[job.pk])}",
        state={"waiting": "waiting", "making": "working", "ready": "done", "failed": "failed"}[job.state],  # type: ignore[arg-type]  # the column's choices
        started_at=job.created_at,
        steps=job.total,
        steps_done=job.done,
        failures=job.why_failed(),
        log_ins_left=found.log_ins_left,
        channels_to_tell=found.untold,
    )
