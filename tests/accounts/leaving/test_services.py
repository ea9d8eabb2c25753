"""Letting people and log-ins go: locked out first, everything once, gone on with after a worker died, and nothing of anybody else."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import tasks
from accounts.asks import links
from accounts.asks import mails as ask_mails
from accounts.asks import services as asks
from accounts.backups import queries as backups
from accounts.jobs import services as jobs
from accounts.leaving import handing_over, mails, plan, services
from accounts.leaving import plan as leaving
from accounts.leaving.plan import Scope
from accounts.leaving.services import Wanted
from accounts.linking import services as linking
from accounts.models import (
    Account,
    AccountEvent,
    AccountToken,
    Ask,
    AskLine,
    Job,
    PendingLink,
)
from accounts.pool import services as pool
from accounts.pool.errors import ActionRefused
from infra import liveness
from macros.models import Macro
from notifications.models import Message
from tests.accounts.leaving.support import (
    carried,
    lead,
    log_in,
    person,
    reaches,
    states,
    superuser,
)
from tests.accounts.leaving.support import (
    mails as written,
)
from tests.support import native
from tests.support.connections import another
from tests.support.factories import link, make_account, make_team
from tests.support.sandbox import Sandbox
from tokens.checks import removal
from tokens.models import Token
from users.invitations import services as invitations
from users.models import Invitation, Session, Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("channels_world")]
ALL = Wanted(backups=True, asks=True)


@pytest.fixture
def boss() -> User:
    return superuser()


def offboard(who: User, by: User, wanted: Wanted = ALL, **fields: Any) -> Job:
    return services.offboard(
        person=who, actor=by, wanted=wanted, note="Left us.", now=timezone.now(), **fields
    )


def let_go(by: User, *tokens: Token, account: Account | None = None, note: str = "") -> Job:
    """Have log-ins removed by their person, or by staff."""
    scope = Scope(tokens[0].consented_by, [one.pk for one in tokens], account.pk if account else None)
    found = plan.read_plan(scope, actor=by, now=timezone.now())
    return services.let_go(found=found, actor=by, seen=found.seen, note=note, now=timezone.now())


def reread(*rows: Any) -> None:
    for one in rows:
        one.refresh_from_db()


# --- a person ---------------------------------------------------------------------------------------------------------


def test_backups_come_first_and_colleagues_are_asked_each_once(boss: User) -> None:
    team, strict = make_team("Lumen"), make_team("Fern", ask_backups=True)
    mara, emil, cleo = (person(name, team=team) for name in ("Mara", "Emil", "Cleo"))
    mine, backup, stopped = log_in(mara), log_in(emil), log_in(cleo, state="dead")
    carried(backup, team=team)
    at_hand, alone = carried(mine, team=team), carried(mine, team=team)
    renewable = [carried(mine, stopped, team=team) for _ in range(3)]
    emil.memberships.create(team=strict)
    asked_first = carried(mine, team=strict)
    reaches(backup, at_hand, asked_first)
    browser = Client()
    browser.force_login(mara)

    offboard(mara, boss)
    mara.refresh_from_db()
    locked_out = (mara.is_active, Session.objects.filter(user=mara).exists())
    before = states(mine)
    tasks.run_jobs()
    tasks.run_asks()

    reread(at_hand, alone, asked_first)
    assert locked_out == (False, False)
    assert (before, states(mine)) == ({("valid", "")}, {("dead", "removed")})
    assert (at_hand.state, at_hand.active_token, alone.state) == ("connected", backup, "deactivated")
    assert AccountEvent.objects.filter(account=at_hand, kind="deactivated").count() == 0, "it never stopped"
    assert list(AskLine.objects.filter(ask__what="back_up").values_list("account", flat=True)) == [
        asked_first.pk
    ]
    asked = Message.objects.filter(kind="ask").values_list("recipient", "payload__accounts")
    assert set(asked.values_list("recipient", flat=True)) == {cleo.email, emil.email}
    assert set(asked.get(recipient=cleo.email)[1]) == {one.pk for one in renewable}
    assert pool.differences() == []
    assert LogEntry.objects.filter(object_id=str(mara.pk), change_message__contains="offboarded").exists()


def test_what_is_not_wanted_or_not_the_actors_to_do_is_left_out(boss: User) -> None:
    clerk = person("Clerk", is_staff=True)
    mara, emil = person("Mara"), person("Emil")
    left = [carried(log_in(mara)), carried(log_in(emil))]
    for account in left:
        reaches(log_in(person(f"Backup {account.pk}")), account)

    offboard(mara, boss, Wanted())
    offboard(emil, clerk, ALL)
    tasks.run_jobs()

    assert not AskLine.objects.filter(ask__what="back_up").exists()
    reread(*left)
    assert left[0].state == "deactivated"
    assert left[1].state == "connected", "a job without the right does nothing at all"


def test_begun_again_it_is_the_same_deed_and_done_again_for_who_came_back(boss: User) -> None:
    mara = person("Mara")
    carried(log_in(mara))

    first, second = offboard(mara, boss), offboard(mara, boss)
    tasks.run_jobs()
    third = offboard(mara, boss)
    User.objects.filter(pk=mara.pk).update(is_active=True)
    again = offboard(User.objects.get(pk=mara.pk), boss)

    assert first == second == third != again
    assert written()["login_changed", mara.email] == 2


def test_a_job_that_version_0_2_0_began_goes_past_the_steps_that_there_are_no_more() -> None:
    mara, emil = person("Mara"), person("Emil")
    mine, also, backup = log_in(mara), log_in(mara), log_in(emil)
    carried(also, log_in(person("Cleo"), state="dead"))
    carried(backup)
    reaches(backup, carried(mine))
    job = let_go(mara, mine, also)
    # An address was invited, backups were added, and colleagues asked.
    Job.objects.filter(pk=job.pk).update(keys=[5, 4, 1, *job.keys], total=3 + job.total)

    tasks.run_jobs()

    job.refresh_from_db()
    assert (job.state, states(mine, also)) == (Job.State.READY, {("dead", "removed")})
    assert not AskLine.objects.exists()
    assert AccountToken.objects.filter(token=backup).count() == 1


def test_invitations_that_the_person_sent_open_nothing_afterwards(boss: User) -> None:
    team = make_team("Lumen")
    mara, petra = person("Mara", team=team), person("Petra", team=team)
    for by, email in ((mara, "private@example.com"), (petra, "kept@example.com")):
        invitations.create(email=email, team=team, invited_by=by, now=timezone.now())

    offboard(mara, boss)

    assert not Invitation.objects.open(timezone.now()).filter(invited_by=mara).order_by("pk").exists()
    assert Invitation.objects.open(timezone.now()).filter(invited_by=petra).order_by("pk").count() == 1


def test_what_was_renewed_or_consented_to_meanwhile_ends_too_and_a_colleagues_does_not(boss: User) -> None:
    mara, emil = person("Mara"), person("Emil")
    renewed, taken_over = log_in(mara), log_in(mara)
    carried(renewed)
    carried(taken_over)
    offboard(mara, boss)
    Token.objects.filter(pk=renewed.pk).update(generation=7, linked_at=timezone.now())
    Token.objects.filter(pk=taken_over.pk).update(consented_by=emil)
    late = log_in(mara)

    tasks.run_jobs()

    assert states(renewed, late) == {("dead", "removed")}
    assert states(taken_over) == {("valid", "")}


def test_whoever_is_switched_on_again_keeps_what_is_left_and_leads_hear_of_what_is_not(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team()
    lead("Lea", team)
    mara = person("Mara")
    ended, dark, kept = log_in(mara), log_in(mara, state="dead"), log_in(mara)
    carried(dark, team=team, name="Dark for months")  # not by this: the mail does not count it
    link(carried(ended, team=team, name="Stopped"), dark)
    carried(kept)
    job = offboard(mara, boss)
    end = removal.end_at_channel

    def then_switched_on(**which: Any) -> Any:
        User.objects.filter(pk=mara.pk).update(is_active=which["token_id"] == dark.pk)
        return end(**which)

    monkeypatch.setattr(removal, "end_at_channel", then_switched_on)
    tasks.run_jobs()

    job.refresh_from_db()
    assert (states(ended, dark), states(kept)) == ({("dead", "removed")}, {("valid", "")})
    assert job.state == Job.State.FAILED
    mail = mails.build_leaving_mail(Message.objects.get(kind="left"))
    assert "Stopped" in mail.text
    assert "Dark for months" not in mail.text


def test_a_consent_under_way_is_not_kept_for_whoever_was_locked_out(
    boss: User, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.linked("facebook", "ada")
    ada = User.objects.get(email="ada@example.com")
    listing, before = linking.ask_for_list, Token.objects.get(consented_by=ada)

    def then_locked_out(*args: Any) -> Any:
        found = listing(*args)
        services.lock_out(person=ada, actor=boss, now=timezone.now())
        return found

    monkeypatch.setattr(linking, "ask_for_list", then_locked_out)
    browser = Client()
    browser.force_login(ada)
    answer = native.back(browser, native.decide(native.leave(browser, "facebook"), "ada"))

    assert answer.status_code == 400  # their session went meanwhile
    assert Token.objects.get(consented_by=ada).linked_at == before.linked_at
    assert not PendingLink.objects.exists()


def test_of_two_superusers_who_see_each_other_off_one_stays(boss: User) -> None:
    other = superuser("Other")
    offboard(other, boss)

    with pytest.raises(ActionRefused, match="can no longer log in"):
        offboard(boss, other)

    boss.refresh_from_db()
    assert boss.is_active


# --- workers and channels ---------------------------------------------------------------------------------------------


class Dies(BaseException):
    """The worker is gone, and writes nothing more."""


def test_a_worker_that_dies_is_followed_by_one_that_does_nothing_twice(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team()
    lead("Lea", team)
    mara = person("Mara")
    own = [log_in(mara) for _ in range(6)]
    for token in own:
        carried(token, team=team)
    offboard(mara, boss)
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    end, calls = removal.end_at_channel, list[int]()

    def dies(**which: Any) -> Any:
        calls.append(which["token_id"])
        if len(calls) == 3:
            raise Dies
        return end(**which)

    monkeypatch.setattr(removal, "end_at_channel", dies)
    with pytest.raises(Dies):
        tasks.run_jobs()
    in_between = Counter(Token.objects.filter(consented_by=mara).values_list("reason", flat=True))
    told_before = Message.objects.filter(kind="left").count()
    later = timezone.now() + liveness.CLAIM + timedelta(seconds=1)
    jobs.do_next_job(clock=lambda: later, goes_on=lambda: True)
    told_channels, left_open = Counter(calls), Token.objects.to_revoke().filter(pk=calls[2]).exists()
    removal.sweep_removed(now=later)

    assert (in_between, told_before) == ({"removed": 3, "": 3}, 0)
    assert told_channels == {token.pk: 1 for token in own}
    assert left_open  # the one whose channel was to be told when the worker died: the sweep does
    assert calls.count(calls[2]) == 2
    assert states(*own) == {("dead", "removed")}
    assert Message.objects.filter(kind="left").count() == 1
    assert Counter(Token.objects.get(pk=own[0].pk).events.values_list("kind", flat=True))["removed"] == 1


def test_the_channel_is_told_behind_the_press_and_what_is_held_stays_until_it_answers(
    boss: User, world: Sandbox
) -> None:
    account = native.linked("facebook", "ada")
    token = Token.objects.get()
    world.clear_calls()
    world.add_fault("facebook", path="me/permissions", status=500)

    offboard(User.objects.get(email="ada@example.com"), boss)
    none_yet = world.calls(path="me/permissions", method="DELETE")
    tasks.run_jobs()

    reread(account, token)
    assert none_yet == []
    assert world.calls(path="me/permissions", method="DELETE")
    assert (account.state, token.reason) == ("deactivated", "removed")
    assert token.credentials is not None
    assert Token.objects.to_revoke().exists()


# --- log-ins ----------------------------------------------------------------------------------------------------------


def test_a_single_log_in_goes_with_the_press_and_its_channel_is_told_by_the_worker(
    boss: User, world: Sandbox
) -> None:
    native.linked("facebook", "ada", "ben")
    ada = Token.objects.get(native_user_name__startswith="Ada")
    world.clear_calls()

    let_go(boss, ada)

    account = Account.objects.get()
    at_once = states(ada)
    with pytest.raises(ActionRefused, match="Somebody was faster"):
        let_go(boss, ada)
    tasks.run_jobs()

    assert at_once == {("dead", "removed")}
    assert account.active_token != ada
    assert len(world.calls(path="me/permissions", method="DELETE")) == 1
    ada.refresh_from_db()
    assert ada.credentials is None
    assert set(written()) == {("left", "ada@example.com")}


def test_a_page_from_before_a_new_consent_removes_nothing_and_a_renewal_meanwhile_changes_nothing() -> None:
    mara = person("Mara")
    token = log_in(mara)
    carried(token)
    found = plan.read_plan(Scope(mara, [token.pk]), actor=mara, now=timezone.now())
    facts: dict[str, Any] = {"actor": mara, "note": "", "now": timezone.now()}

    Token.objects.filter(pk=token.pk).update(linked_at=timezone.now())
    with pytest.raises(ActionRefused, match="Somebody was faster"):
        services.let_go(found=found, seen=found.seen, **facts)
    Token.objects.filter(pk=token.pk).update(linked_at=token.linked_at, generation=9)
    services.let_go(found=found, seen=found.seen, **facts)

    assert states(token) == {("dead", "removed")}


def test_several_of_ones_own_go_one_by_one_and_no_other() -> None:
    mara = person("Mara")
    mine, also, kept = (log_in(mara) for _ in range(3))
    for token in (mine, also, kept):
        carried(token)

    let_go(mara, mine, also)
    waiting = (states(mine, also), leaving.log_ins_going([mine.pk, also.pk, kept.pk]))
    tasks.run_jobs()

    assert waiting == ({("valid", "")}, {mine.pk, also.pk})
    assert (states(mine, also), states(kept)) == ({("dead", "removed")}, {("valid", "")})


def test_where_a_worker_cannot_go_on_leads_hear_of_what_stopped_and_the_rest_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = make_team("Lumen")
    mara, lea = person("Mara", team=team), lead("Lea", team)
    mine, also = log_in(mara), log_in(mara)
    carried(mine, team=team, name="Lumen EU")
    carried(also, team=team, name="Lumen US")
    let_go(mara, mine, also)
    told = removal.end_at_channel

    def breaks(**which: Any) -> Any:
        return told(**which) if which["token_id"] != mine.pk else bool(1 / 0)

    monkeypatch.setattr(removal, "end_at_channel", breaks)
    tasks.run_jobs()

    message = Message.objects.get()
    text = mails.build_leaving_mail(message).text
    assert Job.objects.get().state == Job.State.FAILED
    assert (message.kind, message.recipient) == ("left", lea.email)
    assert "Lumen EU" in text
    assert "Lumen US" not in text


# --- one account ------------------------------------------------------------------------------------------------------


def test_a_person_leaves_one_account_another_takes_over_and_nobody_adds_them_back() -> None:
    team = make_team("Nordbad")
    lea, ada, ben = lead("Lea", team), person("Ada", team=team), person("Ben", team=team)
    mine, his = log_in(ada), log_in(ben)
    shop, other = carried(mine, his, team=team, name="Nordbad Mode"), carried(mine, team=team)
    reaches(mine, shop)

    let_go(ada, mine, account=shop, note="Ben runs it now")
    shop.refresh_from_db()
    tasks.run_jobs()

    assert (shop.active_token, shop.state, shop.people_count) == (his, "connected", 1)
    assert other.pool.get().token == mine
    assert states(mine) == {("valid", "")}
    event = AccountEvent.objects.get(account=shop, kind="unlinked")
    assert (event.actor, event.cause, event.note) == (ada, "gave_up", "Ben runs it now")
    assert backups.offers_by_account(account_ids=[shop.pk]) == {}, "nobody adds back who has just left"
    mail = mails.build_leaving_mail(Message.objects.get())
    assert set(written()) == {("left", lea.email)}
    assert mail.subject == "Ada no longer runs Nordbad Mode"
    assert "Ben runs it now" in mail.text
    assert mail.reply_to == ada.email


# --- what else depends on a person ------------------------------------------------------------------------------------


def ask_of(who: User, *tokens: Token) -> Ask:
    now = timezone.now()
    facts: dict[str, Any] = {"note": "", "ends_at": now + timedelta(days=9), "once": "", "now": now}
    return asks.start_ask(user=who, name="Spring", token_ids=[one.pk for one in tokens], **facts)


def lead_with_everything() -> tuple[User, Team, Ask, Ask, Macro]:
    """Lea, who alone leads a team, runs an ask, has made a client link and looks after a macro."""
    team = make_team("Lumen")
    lea = lead("Lea", team)
    ask = ask_of(lea, log_in(person("Emil", team=team)))
    made: dict[str, Any] = {"email": "ada@client.example", "name": "Ada", "channels": ["facebook"]}
    link_made = links.make_link(team=team, made_by=lea, now=timezone.now(), **made)
    return lea, team, ask, link_made, Macro.objects.create(name="Lumen warns", owner=lea, team=team)


def told_of(reader: User) -> str:
    return mails.build_leaving_mail(
        Message.objects.filter(kind="left", recipient=reader.email).latest("pk")
    ).text


def test_what_runs_in_a_leavers_name_is_taken_over_and_an_open_client_link_stays(boss: User) -> None:
    lea, _, ask, link_made, macro = lead_with_everything()

    offboard(lea, boss)
    tasks.run_jobs()
    with transaction.atomic():
        used_by: dict[str, Any] = {"log_in": log_in(None), "now": timezone.now()}
        links.note_link_used(link=link_made, channel="facebook", accounts=[], **used_by)

    reread(ask, macro, link_made)
    assert (ask.made_by, ask.ended_at, macro.owner) == (boss, None, boss)
    assert link_made.asker == "Lumen"
    used = Message.objects.get(kind="ask_done")
    assert used.recipient == boss.email  # nobody leads the team now, so an operator
    assert "Lea sent ada@client.example a link." in ask_mails.build_answer_mail(used).text
    assert not Message.objects.filter(kind="left").exists()  # whoever pressed has read it


def test_whoever_sees_no_page_is_told_in_the_mail_about_what_stopped(boss: User) -> None:
    lea, team, *_ = lead_with_everything()
    carried(log_in(lea), team=team, name="Nordbad")
    jobs.start_job(keys=Account.objects.values("pk"), user=lea, kind="pause", now=timezone.now())

    offboard(lea, boss, by_key=True)
    tasks.run_jobs()

    assert written()["left", boss.email] == 1
    text = told_of(boss)
    told = (
        "Spring",
        "Lumen warns",
        "Nobody leads",
        "1 job on many accounts goes on",
    )
    assert [said for said in told if said not in text] == []


def test_an_ask_that_whoever_sees_somebody_off_may_not_take_ends_at_once() -> None:
    lea, _, ask, _, _ = lead_with_everything()

    taken = services.lock_out(person=lea, actor=person("Clerk", is_staff=True), now=timezone.now())

    ask.refresh_from_db()
    assert ask.ending == "maker_left"
    assert taken == {"asks": [], "macros": [], "jobs": 0, "ended": ["Spring"], "led": ["Lumen"]}


def test_an_ask_whose_maker_can_no_longer_log_in_ends_within_a_minute() -> None:
    lea, _, ask, _, _ = lead_with_everything()
    User.objects.filter(pk=lea.pk).update(is_active=False)

    asks.end_due_asks(now=timezone.now())

    ask.refresh_from_db()
    assert ask.ending == "maker_left"


def begun(by: User, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> Job:
    """A job on three accounts of which a worker has done one."""
    monkeypatch.setattr(jobs, "MANY", 1)
    team = fields.pop("team", None) or Team.default()
    ids = [make_account(name=f"Shop {number}", team=team).pk for number in range(3)]
    chosen = Account.objects.filter(pk__in=ids).order_by("pk").values("pk")
    job, _ = jobs.start_job(keys=chosen, user=by, now=timezone.now(), **fields)
    turns = iter([True, True, False])
    jobs.do_next_job(clock=timezone.now, goes_on=lambda: next(turns))
    return job


def test_what_a_worker_does_for_a_leaver_goes_on_in_the_name_of_whoever_saw_them_off(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lea = superuser("Lea")
    job = begun(lea, monkeypatch, kind="pause", once="7")

    offboard(lea, boss)
    tasks.run_jobs()

    job.refresh_from_db()
    assert (job.user, job.state, job.acted) == (boss, Job.State.READY, 3)
    paused_by = Account.objects.order_by("pk").values_list("paused_by", flat=True)
    assert list(paused_by) == [lea.pk, boss.pk, boss.pk]


@pytest.mark.django_db(transaction=True)
def test_whoever_sees_somebody_off_does_not_wait_for_long_for_a_part_of_their_job(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "HOLD_MS", 100)
    lea = superuser("Lea")
    make_account()
    job, _ = jobs.start_job(keys=Account.objects.values("pk"), user=lea, kind="pause", now=timezone.now())
    with another() as worker, worker.transaction():
        worker.execute("update accounts_job set done = done where id = %s", [job.pk])
        with pytest.raises(ActionRefused, match="Try again"):
            services.lock_out(person=lea, actor=boss, now=timezone.now())

    lea.refresh_from_db()
    assert lea.is_active
    services.lock_out(person=lea, actor=boss, now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("show lock_timeout")
        assert cursor.fetchone() == ("0",)
