"""The calls about people, for systems of personnel. The keys of jobs lack the scope."""

from collections import Counter
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Router, Status

from accounts.asks import queries as asks
from accounts.leaving import handing_over
from accounts.leaving.plan import Plan, Then
from accounts.models import ApiKey, Ask
from broker.api.api import caller_of
from broker.leases.callers import Caller
from broker.people import services as people
from broker.people.schemas import (
    AccountAtRisk,
    How,
    KeyOfLeaver,
    Leaver,
    OffboardIn,
    OffboardingOut,
    OffboardingPlan,
    TeamToInvite,
)
from broker.people.services import Offboarding, PlanOf
from macros.rules import services as owning
from tokens.models import Token
from ui.name_visibility import NameVisibility
from users.people.queries import names_for_teams

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
    return describe(found, caller, now=now)


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


def describe(found: PlanOf, caller: Caller, *, now: datetime) -> OffboardingPlan:
    """Return the answer. A fixed number of queries."""
    plan = found.plan
    carriers = [offer.token.consented_by_id for offer in plan.offers.values()]
    names = names_for_teams(caller.teams, people=[*carriers, *plan.asks])
    stopped, person = plan.stopped, plan.scope.person
    assert person is not None
    accounts = [_account(one, plan, stopped.get(one.pk), names) for one in plan.at_risk]
    running = list(Ask.objects.in_name_of(person))
    seen = asks.within_teams([one.pk for one in running], caller.teams)
    macros = list(owning.macros_to_take_over(person, taker=found.actor))
    alone = Counter(one.team for one in accounts if one.how is None)
    return OffboardingPlan(
        log_ins=len(plan.tokens),
        stop=plan.stop,
        one_left=plan.one_left,
        go_on=plan.numbers[Then.GOES_ON],
        accounts=accounts,
        accounts_unnamed=plan.unread,
        invite_for=[TeamToInvite(team=team, accounts=number) for team, number in sorted(alone.items())],
        api_keys=[
            KeyOfLeaver(id=key.pk, name=key.name, prefix=key.prefix, scopes=key.scopes) for key in found.keys
        ],
        campaigns=[str(one) for one in running if one.pk in seen],
        campaigns_unnamed=sum(one.pk not in seen for one in running),
        macros=[one.name for one in macros if _is_within(one.team_id, caller)],
        macros_unnamed=sum(not _is_within(one.team_id, caller) for one in macros),
        client_links=Ask.objects.client_links().open(now).filter(made_by=person).count(),
        led_alone=[team.name for team in handing_over.led_alone_by(person)],
    )


def _is_within(team_id: int | None, caller: Caller) -> bool:
    """Return whether what belongs to a team (None: to all) is named to a key."""
    return caller.teams is None or team_id in caller.teams


def _account(account: Any, plan: Plan, stopped: Token | None, names: NameVisibility) -> AccountAtRisk:
    """Return one account. `stopped`: the log-in of a colleague that stopped there, who is asked."""
    offer = plan.offers.get(account.pk)
    how: How | None = None
    if offer is not None:
        how = "asked_first" if account.pk in plan.asked_first else "added"
    elif stopped is not None:
        how = "asked"
    token = offer.token if offer is not None else stopped
    return AccountAtRisk(
        channel=account.channel,
        native_id=account.native_id,
        name=account.name,
        team=account.team.name,
        then="stops" if account.then == Then.STOPS else "one_left",
        who=names.token(token, account) if token is not None else None,
        how=how,
    )
