"""Deeds on many accounts by a worker: each account once whoever dies, one event each, one mail a person, and what an undo leaves alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import actions, backup_invitations, deed_rows, deeds, tasks
from accounts.deed_kinds import ASK, BACKUP, CHECK, INVITE, KINDS, MOVE, OFFBOARD, PAUSE, RESUME, UNDO
from accounts.leaving import services
from accounts.leaving.deed import Step
from accounts.mails import backup_invite_mail, outside_mail
from accounts.models import Account, AccountEvent, AccountToken, BackupInvitation, ClientLink, Deed, DeedRow
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, reaches
from tests.portal.support import linked, settle, token_of
from tests.support import processes
from tests.support.factories import make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users import hold, liveness
from users.models import Invitation, Membership, Team, User

pytestmark = pytest.mark.django_db(transaction=True)
Outcome = DeedRow.Outcome
State = Deed.State


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who may do everything, of whose deeds a worker does two accounts at a time."""
    monkeypatch.setattr(deeds, "MANY", 2)
    return make_user("boss@example.com", is_staff=True, is_superuser=True)


def start(user: User, kind: str, accounts: Sequence[Account], **more: object) -> Deed:
    ids = Account.objects.filter(pk__in=[one.pk for one in accounts]).order_by("pk").values("pk")
    return deeds.start_on(ids, user=user, kind=kind, now=timezone.now(), **more)[0]  # type: ignore[arg-type]


def do(user: User, kind: str, accounts: Sequence[Account], **more: object) -> Deed:
    deed = start(user, kind, accounts, **more)
    tasks.do_deeds()
    deed.refresh_from_db()
    return deed


def undo(user: User, deed: Deed) -> Deed:
    ids = deed_rows.keys_of(deed, Outcome.DONE)
    made = deeds.start_on(
        ids, user=user, kind=UNDO + deed.kind, subject_id=deed.subject_id, undoes=deed, now=timezone.now()
    )[0]
    tasks.do_deeds()
    made.refresh_from_db()
    return made


def said(deed: Deed) -> list[tuple[str, str]]:
    return list(deed.rows.order_by("place").values_list("outcome", "why"))


# --- whoever dies -------------------------------------------------------------------------------------------------------

KILLED = """
import os
from accounts import deed_rows, tasks
write, turns = deed_rows.write, []
def dies(*args):
    turns.append(write(*args))
    if len(turns) == 3:
        os._exit(9)
    return turns[-1]
deed_rows.write = dies
tasks.do_deeds.apply()
"""


def test_a_killed_worker_costs_nothing_and_pauses_no_account_twice(
    channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user("boss@example.com", is_staff=True, is_superuser=True)
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(n), name=f"A{n}", team=Team.default()) for n in range(450)
    )
    deed = start(user, PAUSE, list(Account.objects.all()), note="budget")

    killed = processes.Process(
        ["manage.py", "shell", "--no-imports", "-v0", "-c", KILLED], processes.environment(channels_world)
    ).start()
    assert processes.wait(lambda: not killed.is_running, seconds=30) < 30
    assert killed.popen is not None
    assert killed.popen.returncode == 9, killed.said
    deed.refresh_from_db()
    in_between = (deed.state, deed.done, Account.objects.exclude(paused_at=None).count())
    Deed.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    tasks.do_deeds()

    deed.refresh_from_db()
    assert in_between == (State.MAKING, 200, 200)  # the third hundred was not committed
    assert (deed.state, deed.done, deed.acted, deed.attempts) == (State.READY, 450, 450, 2)
    assert not Account.objects.filter(paused_at=None).exists()
    events = AccountEvent.objects.filter(kind="paused", actor=user, note="budget")
    assert set(events.values("account").annotate(n=Count("pk")).values_list("n", flat=True)) == {1}
    assert events.count() == 450
    assert list(deed.rows.order_by("place").values_list("place", flat=True)) == list(range(1, 451))


def test_a_killed_worker_invites_nobody_twice_for_what_a_leaver_leaves_behind(
    channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user("boss@example.com", is_staff=True, is_superuser=True)
    leaver, team = make_user("mara@example.com", is_active=False), make_team("Lumen")
    accounts = Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(n), name=f"A{n}", team=team) for n in range(250)
    )
    log_in_of_leaver = make_token(consented_by=leaver)
    AccountToken.objects.bulk_create(
        AccountToken(account=one, token=log_in_of_leaver, added_at=timezone.now()) for one in accounts
    )
    options = {"invites": [services.invitation("Zoe@example.com")]}
    steps = [Step.INVITE.key(0)]
    facts: dict[str, Any] = {"note": "", "skipped": 0, "now": timezone.now(), "options": options}
    deed, _ = deeds.start(user=user, kind=OFFBOARD, subject_id=leaver.pk, keys=steps, **facts)

    killed = processes.Process(
        ["manage.py", "shell", "--no-imports", "-v0", "-c", KILLED], processes.environment(channels_world)
    ).start()
    assert processes.wait(lambda: not killed.is_running, seconds=30) < 30
    begun = Deed.objects.get(kind="invite")
    in_between = (begun.state, begun.done, BackupInvitation.objects.count(), Message.objects.count())
    Deed.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    tasks.do_deeds()

    begun.refresh_from_db()
    deed.refresh_from_db()
    assert in_between == (State.MAKING, 200, 200, 0)  # what came third was not committed
    assert (deed.state, deed.acted) == (State.READY, 1)
    assert (begun.state, begun.acted, begun.attempts) == (State.READY, 250, 2)
    asked = BackupInvitation.objects.filter(email="zoe@example.com", invitation=Invitation.objects.get())
    assert asked.values("account").distinct().count() == asked.count() == 250
    assert list(Message.objects.values_list("kind", "recipient")) == [("invite", "zoe@example.com")]


def test_what_is_begun_waits_while_the_installation_is_on_hold(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [linked(token_of("Ada", days=3)) for _ in range(4)]
    deed = start(boss, ASK, accounts)
    done = deeds._do_many  # where a hold may come in between

    def then_on_hold(*args: object) -> bool:
        found = done(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(hold, "current", lambda: hold.Hold(note="a copy"))
        return found

    monkeypatch.setattr(deeds, "_do_many", then_on_hold)
    tasks.do_deeds()
    deed.refresh_from_db()
    held = (deed.state, deed.done, deed.attempts)
    monkeypatch.setattr(hold, "current", lambda: None)
    monkeypatch.setattr(deeds, "_do_many", done)
    tasks.do_deeds()

    deed.refresh_from_db()
    assert held == (State.WAITING, 2, 0)
    assert (deed.state, deed.acted) == (State.READY, 4)


def test_who_loses_the_right_meanwhile_goes_no_further_and_the_rest_is_named(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = make_user("m@example.com", is_staff=True, team=Team.default())
    limited.user_permissions.add(Permission.objects.get(codename="pause_account"))
    accounts = [make_account() for _ in range(5)]
    elsewhere = make_account(team=make_team())
    deed = start(limited, PAUSE, [elsewhere, *accounts])
    done = deeds._do_many

    def then_fired(*args: object) -> bool:
        found = done(*args)  # type: ignore[arg-type]
        User.objects.filter(pk=limited.pk).update(is_active=False)
        return found

    monkeypatch.setattr(deeds, "_do_many", then_fired)
    tasks.do_deeds()

    deed.refresh_from_db()
    assert (deed.state, deed.acted, deed.failed) == (State.FAILED, 2, 4)
    assert said(deed)[2:] == [("failed", "not_reached")] * 4
    assert Account.objects.exclude(paused_at=None).count() == 2


def test_what_several_workers_died_of_names_what_it_did_not_reach(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    deed = start(boss, PAUSE, [make_account() for _ in range(3)])
    long_ago = timezone.now() - timedelta(minutes=1)
    Deed.objects.update(state=State.MAKING, attempts=5, claimed_until=long_ago)

    tasks.do_deeds()

    deed.refresh_from_db()
    assert (deed.state, deed.failed, deed.done) == (State.FAILED, 3, 3)
    assert said(deed) == [("failed", "not_reached")] * 3


def test_accounts_of_another_team_are_skipped_by_the_worker_too() -> None:
    limited = make_user("m@example.com", is_staff=True, team=Team.default())
    limited.user_permissions.add(Permission.objects.get(codename="pause_account"))
    mine, foreign = make_account(), make_account(team=make_team())

    deed = do(limited, PAUSE, [mine, foreign])

    assert said(deed) == [("done", ""), ("skipped", "not_seen")]
    assert Account.objects.get(pk=foreign.pk).paused_at is None


def test_one_account_at_fault_spoils_no_other(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [make_account() for _ in range(3)]

    def breaks(deed: Deed, keys: Sequence[int], now: object) -> list[deed_rows.Result]:
        if accounts[1].pk in keys:
            raise ZeroDivisionError
        return [deed_rows.Result.done(key) for key in keys]

    monkeypatch.setitem(KINDS, PAUSE, deeds.Kind("accounts.pause_account", many=breaks))

    deed = do(boss, PAUSE, accounts)

    assert said(deed) == [("done", ""), ("failed", "our_fault"), ("done", "")]
    assert deed.state == State.READY


def test_a_hundred_accounts_cost_as_many_queries_as_ten(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deeds, "MANY", 100)
    counts = []
    for number in (10, 100):
        accounts = [make_account() for _ in range(number)]
        for kind, more in ((PAUSE, {}), (RESUME, {}), (CHECK, {}), (MOVE, {"subject_id": make_team().pk})):
            start(boss, kind, accounts, **more)
        with CaptureQueriesContext(connection) as asked:
            tasks.do_deeds()
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert DeedRow.objects.filter(outcome="done").count() == 330  # there is nothing to check


# --- taking it back -----------------------------------------------------------------------------------------------------


def test_undoing_a_pause_resumes_what_it_paused_and_nobody_touched(boss: User) -> None:
    other = make_user("other@example.com", is_staff=True)
    one, already, resumed, anew = (make_account(name=name) for name in ("One", "Already", "Resumed", "Anew"))
    actions.pause(account=already, actor=other, note="ours", now=timezone.now())
    deed = do(boss, PAUSE, [one, already, resumed, anew])
    for account in (resumed, anew):
        actions.resume(account=account, actor=other, note="", now=timezone.now())
    actions.pause(account=anew, actor=other, note="audit", now=timezone.now())

    back = undo(boss, deed)

    assert said(back) == [("done", ""), ("skipped", "resumed_since"), ("skipped", "paused_anew")]
    paused = Account.objects.exclude(paused_at=None).order_by("pk").values_list("name", "pause_note")
    assert list(paused) == [("Already", "ours"), ("Anew", "audit")]
    assert AccountEvent.objects.filter(account=one, kind="resumed", actor=boss).count() == 1


def test_undoing_a_resume_pauses_again_for_the_reason_that_was_given(boss: User) -> None:
    one, since = make_account(), make_account()
    for account in (one, since):
        actions.pause(account=account, actor=boss, note="audit", now=timezone.now())
    deed = do(boss, RESUME, [one, since, make_account()])
    actions.pause(account=since, actor=boss, note="later", now=timezone.now())

    back = undo(boss, deed)

    assert said(deed) == [("done", ""), ("done", ""), ("skipped", "not_paused")]
    assert said(back) == [("done", ""), ("skipped", "paused_since")]
    notes = Account.objects.exclude(paused_at=None).order_by("pk").values_list("pause_note", flat=True)
    assert list(notes) == ["audit", "later"]


def test_undoing_a_move_leads_each_back_to_its_own_team(boss: User) -> None:
    first, second, new = make_team("First"), make_team("Second"), make_team("New", members_only=True)
    ada = token_of("Ada")
    one, two, there, since = (linked(ada, team=team, name=team.name) for team in (first, second, new, second))
    for account in (one, two, since):
        settle(account)
    deed = do(boss, MOVE, [one, two, there, since], subject_id=new.pk)
    actions.move_to_team(account=since, team=first, actor=boss, note="", now=timezone.now())
    actions.move_to_team(account=since, team=new, actor=boss, note="", now=timezone.now())

    back = undo(boss, deed)

    assert said(deed)[0] == ("done", "stopped_there")  # Ada is none of the new team
    assert said(deed)[2] == ("skipped", "in_team_already")
    assert said(back) == [("done", ""), ("done", ""), ("skipped", "moved_since")]
    teams = {one.pk: first.pk, two.pk: second.pk, there.pk: new.pk, since.pk: new.pk}
    assert dict(Account.objects.values_list("pk", "team")) == teams
    assert Account.objects.get(pk=one.pk).state == Account.State.CONNECTED
    assert AccountEvent.objects.filter(kind="moved", account=one).count() == 2


def test_a_deed_is_taken_back_once_and_a_page_sent_twice_is_one_deed(boss: User) -> None:
    accounts = [make_account(), make_account()]
    deed, twice = (start(boss, PAUSE, accounts, once="7") for _ in range(2))
    tasks.do_deeds()
    deed.refresh_from_db()

    backs = {undo(boss, deed).pk for _ in range(2)}

    assert deed.pk == twice.pk
    assert len(backs) == 1


# --- people -------------------------------------------------------------------------------------------------------------


def test_each_person_is_asked_by_one_mail_about_all_accounts_of_the_deed(boss: User) -> None:
    ada, ben = token_of("Ada Okafor", days=5), token_of("Ben", days=5)
    at_x = make_token(make_app("x"), consented_by=ada.consented_by, state="dead", native_user_name="ada_x")
    accounts = [linked(ada) for _ in range(3)] + [linked(ben)] + [linked(at_x, channel="x")]
    fine, asked = linked(token_of("Chiara", days=80)), linked(token_of("Dora", days=3))
    dora = Token.objects.get(native_user_name="Dora")
    actions.ask_to_reauthenticate(account=asked, token=dora, actor=boss, note="", now=timezone.now())
    Message.objects.all().delete()

    deed = do(boss, ASK, [*accounts, fine, asked], note="Before Friday")

    assert said(deed) == [*[("done", "asked")] * 5, ("skipped", "nothing_ends"), ("skipped", "asked_today")]
    sent = {one.recipient: sorted(one.payload["accounts"]) for one in Message.objects.all()}
    of_ada = [one.pk for one in accounts if one.pk != accounts[3].pk]
    assert ada.consented_by is not None
    assert ben.consented_by is not None
    assert sent == {ada.consented_by.email: sorted(of_ada), ben.consented_by.email: [accounts[3].pk]}
    assert Message.objects.count() == 2
    events = AccountEvent.objects.filter(kind="asked", note="Before Friday")
    assert sorted(events.values_list("account", flat=True)) == sorted(one.pk for one in accounts)

    again = do(boss, ASK, [*accounts, asked], options={"again": True})
    assert {outcome for outcome, _ in said(again)} == {"done"}
    assert Message.objects.count() == 5


def test_backups_are_added_in_parts_and_each_person_is_told_once_at_the_end(boss: User) -> None:
    ada, emil = log_in("Ada"), log_in("Emil")
    accounts = [carried(ada, name=f"Shop {number}") for number in range(5)]
    two, nobody = carried(ada, log_in("Ben"), name="Two"), carried(ada, name="Nobody")
    reaches(emil, *accounts, two)

    deed = do(boss, BACKUP, [*accounts, two, nobody])

    assert said(deed) == [
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

    deed = do(boss, INVITE, [*accounts, behind], options={"email": ben.email}, note="Before Friday")
    narrow = do(own, INVITE, [accounts[0], behind], options={"email": "zoe@example.com"})
    client = do(
        own, INVITE, accounts, options={"email": "client@example.com", "client": True, "person": "Ida"}
    )
    mail = backup_invite_mail.build(Message.objects.get(kind="backup_invite"))

    assert said(before) == [("done", "")]
    assert said(deed) == [("skipped", "invited_before"), *[("done", "")] * 5]
    assert mail.subject.endswith("asks you to back up 4 accounts")
    assert "Before Friday" in mail.text
    assert Invitation.objects.get(email=ben.email).team == closed, "its people only: he joins it first"
    assert Message.objects.filter(recipient=ben.email, kind="invite").count() == 1
    assert said(narrow) == [("done", ""), ("skipped", "not_seen")]
    assert Message.objects.filter(recipient="zoe@example.com").count() == 1
    assert said(client) == [("done", "")] * 5
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
    single = linked(ada, team=first, name="Single")
    settle(single, *accounts)

    do(boss, MOVE, accounts, subject_id=closed.pk)
    many = outside_mail.build(Message.objects.get())
    actions.move_to_team(account=single, team=closed, actor=boss, note="", now=timezone.now())
    one = outside_mail.build(Message.objects.latest("pk"))

    assert set(Message.objects.values_list("kind", "recipient")) == {("outside_team", lead.email)}
    assert Message.objects.count() == 2
    assert many.subject.startswith("Blue: 3 accounts have stopped")
    assert "moved accounts to Blue, which accepts log-ins of its own people only." in " ".join(
        many.text.split()
    )
    assert "move them back" in many.text
    assert one.subject.startswith("Blue: 1 account has stopped")
