"""What is done to accounts, one or many: one event each, one mail a person, no wall crossed, and what was there before is kept."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import actions, backup_invitations, tasks
from accounts.jobs import services
from accounts.jobs.kinds import APPLY_MACRO, ASK, BACKUP, CHECK, INVITE, MOVE, PAUSE, REMOVE_MACRO, RESUME
from accounts.mails import backup_invite_mail, outside_mail
from accounts.models import Account, AccountEvent, BackupInvitation, ClientLink, Job, JobItem
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, reaches
from tests.macros.support import make_macro
from tests.portal.support import linked, settle, token_of
from tests.support.factories import make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users.models import Invitation, Membership, Team, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who may do everything, of whose jobs two accounts are done at a time."""
    monkeypatch.setattr(services, "MANY", 2)
    return make_user("boss@example.com", is_staff=True, is_superuser=True)


def start(user: User, kind: str, accounts: Sequence[Account], **more: object) -> Job:
    ids = [one.pk for one in accounts]
    return services.start(user=user, kind=kind, keys=ids, now=timezone.now(), **more)[0]  # type: ignore[arg-type]


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
    assert came(gone) == [("failed", "as_told")]
    kinds = AccountEvent.objects.filter(account=one, actor=boss).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["macro_applied", "macro_removed"]


def test_accounts_of_another_team_are_skipped_by_the_worker_too() -> None:
    limited = make_user("m@example.com", is_staff=True, team=Team.default())
    limited.user_permissions.add(Permission.objects.get(codename="pause_account"))
    mine, foreign = make_account(), make_account(team=make_team())

    job = do(limited, PAUSE, [mine, foreign])

    assert came(job) == [("done", ""), ("skipped", "not_seen")]
    assert Account.objects.get(pk=foreign.pk).paused_at is None


def test_a_hundred_accounts_cost_as_many_queries_as_ten(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MANY", 100)
    counts = []
    for number in (10, 100):
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
    assert JobItem.objects.filter(outcome="done").count() == 550  # there is nothing to check


def test_each_person_is_asked_by_one_mail_about_all_accounts_of_the_job(boss: User) -> None:
    ada, ben = token_of("Ada Okafor", days=5), token_of("Ben", days=5)
    at_x = make_token(make_app("x"), consented_by=ada.consented_by, state="dead", native_user_name="ada_x")
    accounts = [linked(ada) for _ in range(3)] + [linked(ben)] + [linked(at_x, channel="x")]
    fine, asked = linked(token_of("Chiara", days=80)), linked(token_of("Dora", days=3))
    dora = Token.objects.get(native_user_name="Dora")
    actions.ask_to_reauthenticate(account=asked, token=dora, actor=boss, note="", now=timezone.now())
    Message.objects.all().delete()

    job = do(boss, ASK, [*accounts, fine, asked], note="Before Friday")

    assert came(job) == [*[("done", "asked")] * 5, ("skipped", "nothing_ends"), ("skipped", "asked_today")]
    sent = {one.recipient: sorted(one.payload["accounts"]) for one in Message.objects.all()}
    of_ada = [one.pk for one in accounts if one.pk != accounts[3].pk]
    assert ada.consented_by is not None
    assert ben.consented_by is not None
    assert sent == {ada.consented_by.email: sorted(of_ada), ben.consented_by.email: [accounts[3].pk]}
    assert Message.objects.count() == 2
    events = AccountEvent.objects.filter(kind="asked", note="Before Friday")
    assert sorted(events.values_list("account", flat=True)) == sorted(one.pk for one in accounts)

    again = do(boss, ASK, [*accounts, asked], options={"again": True})
    assert {outcome for outcome, _ in came(again)} == {"done"}
    assert Message.objects.count() == 5


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
    mail = Message.objects.get(kind="backup")
    assert sorted(mail.payload["accounts"]) == [one.pk for one in accounts]
    assert set(Token.objects.due(timezone.now())) == {emil}


def test_one_person_is_invited_for_any_number_of_accounts_by_one_mail_and_each_row_says_what_came_of_it(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_invitations, "MOST", 3)
    fern, closed = make_team("Fern"), make_team("Closed", members_only=True)
    ben = make_user("ben@example.com", name="Ben", team=fern)
    accounts = [make_account(name=f"Lumen {number}", team=fern) for number in range(5)]
    behind = make_account(team=closed)
    own = make_user("lead@example.com", is_staff=True, team=fern)
    own.user_permissions.add(*Permission.objects.filter(codename__in=["invite_user", "view_account"]))
    before = do(boss, INVITE, accounts[:1], options={"email": ben.email})
    Message.objects.all().delete()

    job = do(boss, INVITE, [*accounts, behind], options={"email": ben.email}, note="Before Friday")
    narrow = do(own, INVITE, [accounts[0], behind], options={"email": "zoe@example.com"})
    client = do(
        own, INVITE, accounts, options={"email": "client@example.com", "client": True, "person": "Ida"}
    )
    mail = backup_invite_mail.build(Message.objects.get(kind="backup_invite"))

    assert came(before) == [("done", "")]
    assert came(job) == [("skipped", "invited_before"), *[("done", "")] * 5]
    assert mail.subject.endswith("asks you to back up 4 accounts")
    assert "Before Friday" in mail.text
    assert Invitation.objects.get(email=ben.email).team == closed, "its people only: he joins it first"
    assert Message.objects.filter(recipient=ben.email, kind="invite").count() == 1
    assert came(narrow) == [("done", ""), ("skipped", "not_seen")]
    assert Message.objects.filter(recipient="zoe@example.com").count() == 1
    assert came(client) == [("done", "")] * 5
    link = ClientLink.objects.get()
    assert sorted(link.native_ids("facebook")) == sorted(one.native_id for one in accounts)
    assert (link.name, Message.objects.filter(recipient="client@example.com").count()) == ("Ida", 1)
    assert BackupInvitation.objects.filter(client_link=link).count() == 5


def test_the_leads_of_a_closed_team_hear_once_what_stopped_on_its_way_to_them(boss: User) -> None:
    first, closed = make_team("First"), make_team("Blue", members_only=True)
    lead = make_user("lea@example.com", team=closed)
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    ada = token_of("Ada")
    accounts = [linked(ada, team=first, name=f"Lumen {number}") for number in range(3)]
    settle(*accounts)

    do(boss, MOVE, accounts, subject_id=closed.pk)
    mail = outside_mail.build(Message.objects.get())

    assert Message.objects.get().recipient == lead.email
    assert mail.subject.startswith("Blue: 3 accounts have stopped")
    said = " ".join(mail.text.split())
    assert "moved accounts to Blue, which accepts log-ins of its own people only." in said
    assert "move them back" in said
