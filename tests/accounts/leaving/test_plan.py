"""What becomes of accounts when log-ins go, and who could carry them: as a slow and obvious second version has it."""

import random
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.leaving import plan
from accounts.leaving.plan import Scope, Then
from accounts.models import Account, AccountToken
from tests.accounts.leaving.support import carried, log_in, person, reaches, superuser
from tests.support.factories import link, make_account, make_team
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db


def read(of: User | None, **scope: object) -> plan.Plan:
    actor = User.objects.filter(is_superuser=True).first() or superuser()
    return plan.read_plan(Scope(of, **scope), actor=actor, now=timezone.now())  # type: ignore[arg-type]  # passed on


def slowly(own: set[int]) -> dict[int, Then]:
    """Work out account by account what becomes of those that these log-ins leave."""
    found = {}
    for account in Account.objects.filter(pool__token__in=own).distinct():
        entries = list(account.pool.select_related("token"))
        is_carried = any(one.is_living for one in entries if one.token_id in own)
        others = [one.token for one in entries if one.token_id not in own and one.is_usable]
        people = {one.consented_by_id or -one.pk for one in others}
        kinds = {0: Then.STOPS, 1: Then.ONE_LEFT}
        found[account.pk] = kinds.get(len(people), Then.GOES_ON) if is_carried else Then.GOES_ON
    return found


@pytest.mark.parametrize("seed", range(2))
def test_what_stops_keeps_one_person_or_goes_on_is_as_pools_are_read_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    mara, emil = person("Mara"), person("Emil")
    states: list[dict[str, str]] = [
        {},
        {"state": "cooling", "reason": "transient"},
        {"state": "dead", "reason": "expired"},
    ]
    mine = [log_in(mara, **rng.choice(states)) for _ in range(2)]
    others = [log_in(rng.choice([emil, None]), **rng.choice(states)) for _ in range(4)]
    for _ in range(15):
        account = make_account()
        for token in {rng.choice(mine), *rng.sample(others, rng.randint(0, 3))}:
            link(
                account,
                token,
                access=rng.choice(["ok", "ok", "lost"]),
                can_publish=rng.choice(["yes", "no", "unknown"]),
                doubt=rng.choice(["", "", "doubted", "stopped"]),
            )

    whole, one = read(mara), read(mara, only=[mine[0].pk])

    for found, own in ((whole, {token.pk for token in mine}), (one, {mine[0].pk})):
        expected = slowly(own)
        assert dict(found.scope.accounts.values_list("pk", "then")) == expected
        assert found.numbers == {then: Counter(expected.values())[then] for then in Then}
        assert {account.pk for account in found.at_risk} == {
            pk for pk, then in expected.items() if then != Then.GOES_ON
        }
        assert found.carriers.keys() == {pk for pk, then in expected.items() if then == Then.ONE_LEFT}
    assert plan.accounts_alone_with(mara.pk).count() == whole.stop


def test_who_could_carry_on_is_at_hand_or_can_renew_or_is_nobody_who_is_known() -> None:
    team, other = make_team("Lumen"), make_team("Fern")
    mara, emil, cleo = (person(name, team=team) for name in ("Mara", "Emil", "Cleo"))
    mine, stopped, backup = log_in(mara), log_in(cleo, state="dead"), log_in(emil)
    at_hand, alone = (carried(mine, team=team, name=name) for name in ("At hand", "Alone"))
    renewable, asked = carried(mine, stopped, team=team), carried(mine, log_in(mara, state="dead"), team=team)
    foreign = carried(mine, team=other, name="Foreign")
    reaches(backup, at_hand)
    gone = log_in(person("Gone", team=team, is_active=False), state="dead")
    link(alone, gone)

    whole, own = read(mara), read(mara, only=[mine.pk], teams=Team.objects.filter(pk=team.pk))

    assert {pk: offer.token for pk, offer in whole.offers.items()} == {at_hand.pk: backup}
    assert whole.asked_first == {at_hand.pk}, "what serves nothing of the team yet is asked for"
    assert whole.stopped == {renewable.pk: stopped}
    assert {one.pk for one in whole.nobody} == {alone.pk, asked.pk, foreign.pk}
    assert {one.pk for one in own.nobody} == {alone.pk, asked.pk}, "of other teams nobody is looked for"
    assert foreign in own.at_risk


def test_beyond_what_a_page_looks_at_a_worker_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST", 2)
    mara, emil, cleo = person("Mara"), person("Emil"), person("Cleo")
    mine, backup, stopped = log_in(mara), log_in(emil), log_in(cleo, state="dead")
    reached = [carried(mine, name=f"A {number}") for number in range(3)]
    renewable, alone = carried(mine, stopped, name="Y"), carried(mine, name="Z")
    reaches(backup, *reached)

    found = read(mara)

    everything = plan.read_plan(found.scope, actor=mara, now=timezone.now(), whole=True)
    assert (len(found.at_risk), found.unread) == (2, 3)
    assert everything.offers.keys() == {one.pk for one in reached}
    assert everything.asks == [(renewable, stopped)]
    assert everything.nobody == [alone]


def test_it_asks_the_database_as_often_for_many_accounts_as_for_few() -> None:
    mara, emil = person("Mara"), person("Emil")
    mine, backup = log_in(mara), log_in(emil)
    superuser()

    def asked(number: int) -> int:
        reaches(backup, *[carried(mine) for _ in range(number)])
        for _ in range(number):
            carried(mine, backup)
            carried(mine, log_in(emil, state="dead"))
        with CaptureQueriesContext(connection) as found:
            read(mara)
        return len(found)

    few = asked(2)

    assert asked(5) == few


def test_one_account_alone_is_left_by_the_log_ins_that_go_from_it() -> None:
    mara = person("Mara")
    mine = log_in(mara)
    shop = carried(mine, log_in(person("Emil")))
    carried(mine)
    system = log_in(mara, kind=Token.Kind.SYSTEM, team=Team.default())
    AccountToken.objects.create(account=shop, token=system)

    found = read(mara, only=[mine.pk], account=shop.pk)

    assert [one.pk for one in found.at_risk] == []
    assert found.numbers == {Then.STOPS: 0, Then.ONE_LEFT: 0, Then.GOES_ON: 1}
    assert [one.pk for one in shop.own_log_ins(mara)] == [mine.pk], "a system user is its team's"
