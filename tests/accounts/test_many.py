"""What is done to accounts, one or many: one event each, one mail a person, no wall crossed, and what was there before is kept."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tasks
from accounts.jobs import services
from accounts.jobs.models import APPLY_MACRO, BACKUP, CHECK, MOVE, PAUSE, REMOVE_MACRO, RESUME
from accounts.models import Account, AccountEvent, Job, JobItem
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, reaches
from tests.macros.support import make_macro
from tests.portal.support import linked, settle, token_of
from tests.support import news
from tests.support.factories import make_account, make_team, make_user
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who may do everything, of whose jobs two accounts are done at a time."""
    monkeypatch.setattr(services, "MANY", 2)
    return make_user("boss@example.com", is_staff=True, is_superuser=True)


def start(user: User, kind: str, accounts: Sequence[Account], **more: object) -> Job:
    ids = [one.pk for one in accounts]
    return services.start_job(user=user, kind=kind, keys=ids, now=timezone.now(), **more)[0]  # type: ignore[arg-type]


def do(user: User, kind: str, accounts: Sequence[Account], **more: object) -> Job:
    job = start(user, kind, accounts, **more)
    tasks.run_jobs()
    job.refresh_from_db()
    return job


def came(job: Job) -> list[tuple[str, str]]:
    return list(job.items.order_by("place").values_list("outcome", "why"))


def test_pausing_and_resuming_keep_what_was_there_before(boss: User) -> None:
    one, already = make_account(), make_account(state="connected")
    do(boss, PAUSE, [already], note="audit")

    paused = do(boss, PAUSE, [one, already], note="budget")
    notes = list(Account.objects.order_by("pk").values_list("pause_note", flat=True))
    resumed = do(boss, RESUME, [one, already, make_account()])

    assert came(paused) == [("done", ""), ("skipped", "paused_already")]
    assert notes == ["budget", "audit"]
    assert came(resumed) == [("done", ""), ("done", ""), ("skipped", "not_paused")]
    assert [item.facts for item in resumed.items.order_by("place")[:2]] == [
        {"was": "budget"},
        {"was": "audit"},
    ]
    assert not Account.objects.exclude(paused_at=None).exists()
    kinds = AccountEvent.objects.filter(account=one, actor=boss).order_by("pk").values_list("kind", flat=True)
    assert list(kinds)[:2] == ["paused", "resumed"]


def test_a_move_keeps_from_which_team_each_came_and_says_what_stopped_there(boss: User) -> None:
    first, second, new = make_team("First"), make_team("Second"), make_team("New", members_only=True)
    ada = token_of("Ada")
    accounts = [linked(ada, team=team, name=team.name) for team in (first, second, new)]
    settle(*accounts)

    job = do(boss, MOVE, accounts, subject_id=new.pk)

    assert came(job) == [
        *[("done", "stopped_there")] * 2,
        ("skipped", "in_team_already"),
    ]  # Ada is none of it
    assert [item.facts["was"] for item in job.items.order_by("place")[:2]] == ["First", "Second"]
    assert set(Account.objects.values_list("team", flat=True)) == {new.pk}
    moved = AccountEvent.objects.filter(kind="moved").order_by("pk")
    assert list(moved.values_list("from_team", "to_team")) == [(first.pk, new.pk), (second.pk, new.pk)]


def test_a_macro_is_applied_once_and_removed_with_an_event_each(boss: User) -> None:
    one, two, foreign = make_account(), make_account(), make_account(team=make_team())
    macro = make_macro(accounts=[two], scope="chosen", team=Team.default()).macro

    applied = do(boss, APPLY_MACRO, [one, two, foreign], subject_id=macro.pk)
    on = set(macro.accounts.all())
    removed = do(boss, REMOVE_MACRO, [one, foreign], subject_id=macro.pk)
    gone = do(boss, REMOVE_MACRO, [one], subject_id=0)

    assert came(applied) == [("done", ""), ("skipped", "has_macro"), ("skipped", "another_teams_macro")]
    assert on == {one, two}
    assert came(removed) == [("done", ""), ("skipped", "lacks_macro")]
    assert came(gone) == [("failed", "no_such_macro")]
    kinds = AccountEvent.objects.filter(account=one, actor=boss).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["macro_applied", "macro_removed"]


def test_accounts_of_another_team_are_skipped_by_the_worker_too() -> None:
    limited = make_user("m@example.com", is_staff=True, team=Team.default())
    limited.user_permissions.add(Permission.objects.get(codename="pause_account"))
    mine, foreign = make_account(), make_account(team=make_team())

    job = do(limited, PAUSE, [mine, foreign])

    assert came(job) == [("done", ""), ("skipped", "not_seen")]
    assert Account.objects.get(pk=foreign.pk).paused_at is None


def test_many_accounts_cost_as_many_queries_as_few(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MANY", 100)
    counts = []
    for number in (3, 20):
        accounts = [make_account() for _ in range(number)]
        macro = make_macro(scope="chosen").macro.pk
        for kind, subject in (
            (PAUSE, 0),
            (RESUME, 0),
            (CHECK, 0),
            (MOVE, make_team().pk),
            (APPLY_MACRO, macro),
            (REMOVE_MACRO, macro),
        ):
            start(boss, kind, accounts, subject_id=subject)
        with CaptureQueriesContext(connection) as asked:
            tasks.run_jobs()
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert JobItem.objects.filter(outcome="done").count() == 115  # there is nothing to check


def test_backups_are_added_in_parts_and_each_person_is_told_once_at_the_end(boss: User) -> None:
    ada, emil = log_in("Ada"), log_in("Emil")
    accounts = [carried(ada, name=f"Shop {number}") for number in range(5)]
    two, nobody = carried(ada, log_in("Ben"), name="Two"), carried(ada, name="Nobody")
    reaches(emil, *accounts, two)

    job = do(boss, BACKUP, [*accounts, two, nobody])

    assert came(job) == [
        *[("done", "backed_up_by")] * 5,
        ("skipped", "several_carry_it"),
        ("skipped", "none_reaches"),
    ]
    assert {one.pool.count() for one in accounts} == {2}
    mail = Message.objects.get(kind="ask_done")
    assert sorted(mail.payload["accounts"]) == [one.pk for one in accounts]
    assert set(Token.objects.due(timezone.now())) == {emil}


def test_the_leads_of_a_closed_team_hear_once_what_stopped_on_its_way_to_them(boss: User) -> None:
    first, closed = make_team("First"), make_team("Blue", members_only=True)
    lead = make_user("lea@example.com", team=closed)
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    ada = token_of("Ada")
    accounts = [linked(ada, team=first, name=f"Lumen {number}") for number in range(3)]
    settle(*accounts)

    do(boss, MOVE, accounts, subject_id=closed.pk)
    told = [message.recipient for message in news.tell()]
    mail = news.built(lead.email)

    assert ada.consented_by is not None
    assert sorted(told) == sorted([lead.email, ada.consented_by.email])
    assert mail.subject.startswith("Lumen 0 is deactivated: waiting for an administrator of AdToken")
