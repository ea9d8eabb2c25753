"""Deeds on many in a worker: each thing once, whoever dies, and nothing for a person who may no longer do it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError

from accounts import deeds, jobs
from accounts.deeds import Kind
from accounts.errors import ActionRefused
from accounts.models import Account, Deed
from tests.support.factories import NOW, make_account, make_user
from users import liveness
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
State = Deed.State
CLAIM_OVER = NOW + liveness.CLAIM + timedelta(seconds=1)


class Dies(BaseException):
    """The worker is gone, and writes nothing more."""


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(deeds, "PART", 2)
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    user = make_user("boss@example.com", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="pause_account"))
    return user


def renamed(deed: Deed, key: int, _now: object) -> bool:
    """A deed that shows in the row how often it was done."""
    account = Account.objects.get(pk=key)
    account.name += "+"
    account.save(update_fields=["name"])
    return True


def start(user: User, keys: list[int]) -> Deed:
    return deeds.start(user=user, kind="offboard", subject_id=1, keys=keys, note="", skipped=1, now=NOW)[0]


def work(act: object = renamed, *, at: object = NOW, goes_on: object = lambda: True) -> bool:
    kinds = {"offboard": Kind("accounts.pause_account", act)}  # type: ignore[arg-type]
    return deeds.do_next(kinds=kinds, clock=lambda: at, goes_on=goes_on)  # type: ignore[arg-type,return-value]


def names() -> list[str]:
    return list(Account.objects.order_by("pk").values_list("name", flat=True))


def make_accounts() -> list[int]:
    return [make_account(name=f"A{number}").pk for number in range(5)]


def test_each_thing_is_done_once_and_counted(boss: User) -> None:
    deed = start(boss, make_accounts())

    found = [work(), work()]

    deed.refresh_from_db()
    assert found == [True, False]
    assert names() == [f"A{number}+" for number in range(5)]
    assert (deed.state, deed.done, deed.acted, deed.skipped, deed.failed, deed.keys) == (
        State.READY,
        5,
        5,
        1,
        0,
        [],
    )


def test_another_worker_goes_on_where_one_died(boss: User) -> None:
    keys = make_accounts()
    deed = start(boss, keys)

    def dies(one: Deed, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[3]:
            raise Dies
        return True

    with pytest.raises(Dies):
        work(dies)
    in_between = names()
    too_early = work()
    work(at=CLAIM_OVER)

    deed.refresh_from_db()
    assert in_between == ["A0+", "A1+", "A2+", "A3", "A4"]
    assert not too_early
    assert names() == [f"A{number}+" for number in range(5)]
    assert (deed.state, deed.acted) == (State.READY, 5)


def test_a_worker_that_was_taken_for_dead_does_nothing_more(boss: User) -> None:
    keys = make_accounts()
    start(boss, keys)

    def is_overtaken(one: Deed, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[1]:
            Deed.objects.update(attempts=2)
        return True

    work(is_overtaken)

    assert names() == ["A0+", "A1+", "A2", "A3", "A4"]


def test_a_worker_that_is_to_stop_leaves_the_rest(boss: User) -> None:
    deed, turns = start(boss, make_accounts()), iter([True, True, True, False])

    work(goes_on=lambda: next(turns))
    deed.refresh_from_db()
    state, done = deed.state, deed.done
    work()

    assert (state, done) == (State.WAITING, 2)
    assert names() == [f"A{number}+" for number in range(5)]


def test_what_is_refused_stops_no_other_and_is_told(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deeds, "SHOWN", 1)
    keys = make_accounts()
    deed = start(boss, keys)

    def refuses(one: Deed, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key in keys[:2]:
            raise ActionRefused("as_told", text=f"Not {keys.index(key)}.")
        return key != keys[2]

    work(refuses)

    deed.refresh_from_db()
    assert (deed.state, deed.acted, deed.skipped, deed.failed) == (State.READY, 2, 2, 2)
    assert deed.failures == ["Not 0."]
    assert names()[:3] == ["A0", "A1", "A2+"]


def test_a_fault_ends_it_and_it_does_not_come_again(boss: User) -> None:
    deed = start(boss, make_accounts())

    def breaks(_deed: Deed, _key: int, _now: object) -> bool:
        raise ValueError

    found = [work(breaks), work(breaks, at=CLAIM_OVER)]

    deed.refresh_from_db()
    assert found == [True, False]
    assert (deed.state, deed.done, deed.keys) == (State.FAILED, 0, [])


def test_what_postgresql_did_not_take_is_begun_again_where_it_was_and_its_end_is_told_of_once(
    boss: User,
) -> None:
    keys, ends = make_accounts(), list[str]()
    deed = start(boss, keys)

    def cut(one: Deed, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[2]:
            raise OperationalError
        return True

    kind = Kind("accounts.pause_account", cut, finish=lambda one, _now: ends.append(one.state))
    for _ in range(jobs.MOST_ATTEMPTS + 2):
        deeds.do_next(kinds={"offboard": kind}, clock=lambda: NOW, goes_on=lambda: True)
        deed.refresh_from_db()
        if deed.attempts == 1:
            between = (deed.state, deed.done, names())

    assert between == (State.WAITING, 2, ["A0+", "A1+", "A2", "A3", "A4"])
    assert (deed.state, deed.ended_at) == (State.FAILED, NOW)
    assert ends == ["failed"]


def test_what_waited_for_days_is_kept_for_a_day_from_its_end(boss: User) -> None:
    deed, monday = start(boss, make_accounts()), NOW + timedelta(days=3)
    while_waiting = deeds.sweep(now=monday)

    work(at=monday)
    swept = [deeds.sweep(now=monday + timedelta(hours=hours)) for hours in (23, 25)]

    assert (while_waiting, swept) == (0, [0, 1])
    assert not Deed.objects.filter(pk=deed.pk).exists()


def test_it_ends_when_its_person_may_no_longer_do_it(boss: User) -> None:
    keys = make_accounts()
    deed = start(boss, keys)

    def loses_it(one: Deed, key: int, now: object) -> bool:
        boss.user_permissions.clear()
        return renamed(one, key, now)

    work(loses_it)

    deed.refresh_from_db()
    assert names() == ["A0+", "A1", "A2", "A3", "A4"]
    assert (deed.state, deed.done) == (State.FAILED, 1)


def test_one_on_a_subject_at_a_time(boss: User) -> None:
    keys = make_accounts()
    first = start(boss, keys)

    second, is_new = deeds.start(
        user=make_user("x@example.com"), kind="offboard", subject_id=1, keys=keys, note="", skipped=0, now=NOW
    )
    work()
    third = start(boss, keys)

    assert (second.pk, is_new) == (first.pk, False)
    assert third.pk != first.pk


def test_what_is_over_is_removed_a_day_later_and_what_is_not_stays(boss: User) -> None:
    over = start(boss, make_accounts())
    work()
    waits = start(boss, [])

    early = deeds.sweep(now=NOW + timedelta(hours=23))
    removed = deeds.sweep(now=NOW + timedelta(hours=25))

    assert (early, removed) == (0, 1)
    assert Deed.objects.get() == waits != over
    assert waits.state in jobs.GOING
