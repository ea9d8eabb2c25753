"""Jobs: each thing once, whoever dies, nothing for a person who may no longer do it, and a day later they are gone."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError
from django.db.models import Count
from django.utils import timezone

from accounts import tasks
from accounts.jobs import services
from accounts.jobs.models import PAUSE
from accounts.jobs.services import KINDS, JobKind, Result
from accounts.models import Account, AccountEvent, Job
from accounts.pool.errors import ActionRefused
from infra import liveness
from tests.support.factories import NOW, make_account, make_user
from users.installation import hold
from users.models import Team, User

pytestmark = pytest.mark.django_db
State = Job.State
CLAIM_OVER = NOW + liveness.CLAIM + timedelta(seconds=1)
Act = Callable[[Job, int, Any], bool]


class Dies(BaseException):
    """The worker is gone, and writes nothing more."""


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who may pause."""
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    user = make_user("boss@example.com", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="pause_account"))
    return user


@pytest.fixture
def keys() -> list[int]:
    return [make_account(name=f"A{number}").pk for number in range(5)]


def renamed(_job: Job, key: int, _now: object) -> bool:
    """A step that shows in the row how often it was done."""
    account = Account.objects.get(pk=key)
    account.name += "+"
    account.save(update_fields=["name"])
    return True


def start(user: User, keys: Sequence[int], **more: Any) -> Job:
    return services.start_job(user=user, kind="offboard", subject_id=1, keys=keys, now=NOW, **more)[0]


def work(act: Act = renamed, *, at: object = NOW, **options: Any) -> bool:
    goes_on = options.pop("goes_on", lambda: True)

    def do(job: Job, keys: Sequence[int], now: object) -> list[Result]:
        return [Result.done(key) if act(job, key, now) else Result.skips(key) for key in keys]

    kind = JobKind("accounts.pause_account", do, size=1, **options)
    with patch.dict(KINDS, {"offboard": kind}):
        return services.do_next_job(clock=lambda: at, goes_on=goes_on)  # type: ignore[arg-type,return-value]


def names() -> list[str]:
    return list(Account.objects.order_by("pk").values_list("name", flat=True))


def came(job: Job) -> list[tuple[str, str]]:
    return list(job.items.order_by("place").values_list("outcome", "why"))


def test_each_thing_is_done_once_and_counted(boss: User, keys: list[int]) -> None:
    job = start(boss, keys)

    found = [work(), work()]

    job.refresh_from_db()
    counts = (job.state, job.done, job.acted, job.skipped, job.failed, job.keys)
    assert found == [True, False]
    assert names() == [f"A{number}+" for number in range(5)]
    assert counts == (State.READY, 5, 5, 0, 0, [])


def test_another_worker_goes_on_where_one_died(boss: User, keys: list[int]) -> None:
    job = start(boss, keys)

    def dies(one: Job, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[3]:
            raise Dies
        return True

    with pytest.raises(Dies):
        work(dies)
    in_between = names()
    too_early = work()
    work(at=CLAIM_OVER)

    job.refresh_from_db()
    assert in_between == ["A0+", "A1+", "A2+", "A3", "A4"]
    assert not too_early
    assert names() == [f"A{number}+" for number in range(5)]
    assert (job.state, job.acted) == (State.READY, 5)


def test_a_worker_that_was_taken_for_dead_does_nothing_more(boss: User, keys: list[int]) -> None:
    start(boss, keys)

    def is_overtaken(one: Job, key: int, now: object) -> bool:
        if key == keys[1]:
            Job.objects.update(attempts=2)
        return renamed(one, key, now)

    work(is_overtaken)

    assert names() == ["A0+", "A1+", "A2", "A3", "A4"]


def test_a_worker_that_is_to_stop_leaves_the_rest(boss: User, keys: list[int]) -> None:
    job, turns = start(boss, keys), iter([True, True, True, False])

    work(goes_on=lambda: next(turns))
    job.refresh_from_db()
    state, done = job.state, job.done
    work()

    assert (state, done) == (State.WAITING, 2)
    assert names() == [f"A{number}+" for number in range(5)]


def test_what_is_refused_or_at_fault_stops_no_other_and_is_told(boss: User, keys: list[int]) -> None:
    job = start(boss, keys)

    def refuses(one: Job, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[0]:
            raise ActionRefused("as_told", text="Not today.")
        if key == keys[1]:
            raise ZeroDivisionError
        return key != keys[2]

    work(refuses)

    job.refresh_from_db()
    assert (job.state, job.acted, job.skipped, job.failed) == (State.READY, 2, 1, 2)
    assert job.why_failed() == ["Not today.", "a fault of AdToken: the log says which"]
    assert names() == ["A0", "A1", "A2+", "A3+", "A4+"]


def test_of_several_that_are_done_together_one_at_fault_spoils_no_other(boss: User, keys: list[int]) -> None:
    job = start(boss, keys)

    def breaks(_job: Job, some: Sequence[int], _now: object) -> list[Result]:
        if keys[1] in some:
            raise ZeroDivisionError
        return [Result.done(key) for key in some]

    with patch.dict(KINDS, {"offboard": JobKind("", breaks)}):
        services.do_next_job(clock=lambda: NOW, goes_on=lambda: True)

    job.refresh_from_db()
    assert came(job) == [("done", ""), ("failed", "our_fault"), *[("done", "")] * 3]
    assert job.state == State.READY


def test_what_postgresql_did_not_take_is_begun_again_where_it_was_and_its_end_is_told_of_once(
    boss: User, keys: list[int]
) -> None:
    ends, job = list[str](), start(boss, keys)

    def cut(one: Job, key: int, now: object) -> bool:
        renamed(one, key, now)
        if key == keys[2]:
            raise OperationalError
        return True

    for _ in range(services.MOST_ATTEMPTS + 2):
        work(cut, finish=lambda one, _now: ends.append(one.state))
        job.refresh_from_db()
        if job.attempts == 1:
            between = (job.state, job.done, names())

    assert between == (State.WAITING, 2, ["A0+", "A1+", "A2", "A3", "A4"])
    assert (job.state, job.done, job.failed) == (State.FAILED, 2, 3)
    assert came(job)[2:] == [("failed", "not_reached")] * 3
    assert ends == ["failed"]


def test_it_ends_when_its_person_may_no_longer_do_it_and_names_what_it_did_not_reach(
    boss: User, keys: list[int]
) -> None:
    job = start(boss, keys)

    def loses_it(one: Job, key: int, now: object) -> bool:
        boss.user_permissions.clear()
        return renamed(one, key, now)

    work(loses_it)

    job.refresh_from_db()
    assert names() == ["A0+", "A1", "A2", "A3", "A4"]
    assert (job.state, job.done, job.failed) == (State.FAILED, 1, 4)
    assert came(job)[1:] == [("failed", "not_reached")] * 4


def test_what_is_begun_waits_while_the_installation_is_on_hold(
    boss: User, keys: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(boss, keys)

    def then_on_hold(one: Job, key: int, now: object) -> bool:
        monkeypatch.setattr(hold, "current", lambda: hold.Hold(note="a copy"))
        return renamed(one, key, now)

    work(then_on_hold)
    job.refresh_from_db()
    held = (job.state, job.done, job.attempts)
    monkeypatch.setattr(hold, "current", lambda: None)
    work()

    assert held == (State.WAITING, 1, 0)
    assert names() == [f"A{number}+" for number in range(5)]


def test_one_on_a_subject_at_a_time_and_a_page_sent_twice_is_one_job(boss: User, keys: list[int]) -> None:
    first = start(boss, keys, once="7")

    second, is_new = services.start_job(
        user=make_user("x@example.com"), kind="offboard", subject_id=1, keys=keys, now=NOW
    )
    work()
    third, fourth = start(boss, keys), start(boss, keys, once="7")

    assert (second.pk, is_new) == (first.pk, False)
    assert third.pk != first.pk == fourth.pk


def test_what_is_over_is_removed_a_day_after_its_end_however_long_it_waited(
    boss: User, keys: list[int]
) -> None:
    job, monday = start(boss, keys), NOW + timedelta(days=3)
    while_waiting = services.sweep_jobs(now=monday)

    work(at=monday)
    swept = [services.sweep_jobs(now=monday + timedelta(hours=hours)) > 0 for hours in (23, 25)]

    assert (while_waiting, swept) == (0, [False, True])
    assert not Job.objects.filter(pk=job.pk).exists()


# --- a worker that dies -------------------------------------------------------------------------------------------


def make_many(number: int, team: Team) -> list[Account]:
    return Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(n), name=f"A{n}", team=team) for n in range(number)
    )


def test_a_worker_that_dies_costs_nothing_and_pauses_no_account_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user("boss@example.com", is_staff=True, is_superuser=True)
    make_many(450, Team.default())
    ids = Account.objects.order_by("pk").values("pk")
    job, _ = services.start_job(user=user, kind=PAUSE, keys=ids, note="budget", now=timezone.now())

    write, turns = services._write_items, count(1)

    def dies(*args: Any) -> None:
        write(*args)
        if next(turns) == 3:
            raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(services, "_write_items", dies)
        with pytest.raises(Dies):
            tasks.run_jobs()
    job.refresh_from_db()
    in_between = job.state, job.done, Account.objects.exclude(paused_at=None).count()
    Job.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    tasks.run_jobs()

    job.refresh_from_db()
    assert in_between == (State.MAKING, 200, 200)  # the third hundred was not committed
    assert (job.state, job.done, job.acted, job.attempts) == (State.READY, 450, 450, 2)
    assert not Account.objects.filter(paused_at=None).exists()
    events = AccountEvent.objects.filter(kind="paused", actor=user, note="budget")
    assert set(events.values("account").annotate(n=Count("pk")).values_list("n", flat=True)) == {1}
    assert events.count() == 450
    assert list(job.items.order_by("place").values_list("place", flat=True)) == list(range(1, 451))
