"""What an offboarding by a key would do, as the API says it."""

from collections import Counter
from datetime import datetime
from typing import Any

from accounts.campaigns import running
from accounts.leaving import handing_over
from accounts.leaving.plan import Plan, Then
from broker.callers import Caller
from broker.people import PlanOf
from broker.people_schemas import AccountAtRisk, How, KeyOfLeaver, OffboardingPlan, TeamToInvite
from macros import owning
from tokens.models import Token
from ui.name_visibility import NameVisibility
from users.visibility import names_for_teams


def describe(found: PlanOf, caller: Caller, *, now: datetime) -> OffboardingPlan:
    """Return the answer. A fixed number of queries."""
    plan = found.plan
    carriers = [offer.token.consented_by_id for offer in plan.offers.values()]
    names = names_for_teams(caller.teams, people=[*carriers, *plan.asks])
    stopped, person = plan.stopped, plan.scope.person
    assert person is not None
    accounts = [_account(one, plan, stopped.get(one.pk), names) for one in plan.at_risk]
    campaigns = list(handing_over.campaigns_of(person))
    seen = running.within_teams([one.pk for one in campaigns], caller.teams)
    macros = list(owning.owned_by(person, taker=found.actor))
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
        campaigns=[one.name for one in campaigns if one.pk in seen],
        campaigns_unnamed=sum(one.pk not in seen for one in campaigns),
        macros=[one.name for one in macros if _is_within(one.team_id, caller)],
        macros_unnamed=sum(not _is_within(one.team_id, caller) for one in macros),
        client_links=handing_over.links_of(person, now).count(),
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
