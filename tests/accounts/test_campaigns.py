"""Re-auth campaigns: who is asked and reminded when, what becomes of each log-in, and that nobody is mailed twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import transaction

from accounts.campaigns import running, sending, stages
from accounts.mails import ask_mail
from accounts.models import Account, AccountToken, Campaign, CampaignLogIn
from adtoken_project import pruning
from notifications import claims
from notifications.kinds import NotWanted
from notifications.models import Message
from portal import campaign_rows
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token, TokenEvent
from users import hold, refused_addresses
from users.models import Team, User

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday


@pytest.fixture
def mira() -> User:
    user = make_user("mira@example.com", name="Mira Ode", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="run_campaign"))
    return user


def log_in(name: str = "", *, person: User | None = None, team: Team | None = None, **fields: Any) -> Token:
    """A log-in of somebody in an account of its own."""
    person = person or make_user(name=name, team=team)
    fields = {
        "linked_at": START - 30 * DAY,
        "consented_by": person,
        "native_user_name": person.name,
        **fields,
    }
    token = make_token(make_app("facebook"), **fields)
    link(make_account("facebook", team=team), token)
    return token


def begin(
    by: User, *tokens: Token, at: datetime = START, ends: datetime = START + 14 * DAY, **fields: Any
) -> Campaign:
    facts = {"name": "Move to the new app", "note": "Before Friday, please.", "once": "", **fields}
    return running.start(user=by, token_ids=[one.pk for one in tokens], ends_at=ends, now=at, **facts)[0]


def work(at: datetime, *, goes_on: Any = lambda: True) -> int:
    """A worker writes what is due, and the mails leave."""
    written = sending.send_due(clock=lambda: at, goes_on=goes_on)
    Message.objects.filter(kind="ask", state="queued").update(state="sent")
    stages.settle(now=at)
    return written


def stage(token: Token, campaign: Campaign | None = None) -> tuple[str, str]:
    rows = CampaignLogIn.objects.filter(token=token)
    row = rows.get(campaign=campaign) if campaign else rows.get()
    return row.stage, row.why


def asked(token: Token) -> list[int]:
    """The numbers of the mails to the person of a log-in: 0 for the first, then the reminders."""
    assert token.consented_by
    mails = Message.objects.filter(recipient=token.consented_by.email).order_by("pk")
    return [mail.payload["reminder"] for mail in mails]


def renew(token: Token, at: datetime) -> None:
    """The log-in is consented to again, by whatever way."""
    Token.objects.filter(pk=token.pk).update(linked_at=at)


def test_who_has_not_renewed_is_reminded_after_2_and_5_days_and_nobody_else(mira: User) -> None:
    done, late, both = log_in("Ada"), log_in("Ben"), make_user("cleo@example.com", name="Cleo")
    first, second = log_in(person=both), log_in(person=both)
    campaign = begin(mira, done, late, first, second)

    sent = [work(START + timedelta(hours=hours)) for hours in (0, 1, 24)]
    renew(done, START + DAY)
    renew(first, START + DAY)
    reminded = [work(START + days * DAY) for days in (2, 2.1, 4.9, 5, 6, 9)]
    assert late.consented_by
    built = [
        ask_mail.build(one)
        for one in Message.objects.filter(recipient=late.consented_by.email).order_by("pk")
    ]
    renew(second, START + 10 * DAY)
    renew(late, START + 10 * DAY)
    work(START + 10 * DAY)

    campaign.refresh_from_db()
    assert sent == [3, 0, 0]  # one mail a person
    assert reminded == [2, 0, 0, 2, 0, 0]
    assert (asked(done), asked(late), asked(second)) == ([0], [0, 1, 2], [0, 1, 2])
    mails = Message.objects.filter(recipient=both.email).order_by("pk")
    assert [mail.payload["tokens"] for mail in mails] == [[first.pk, second.pk], [second.pk], [second.pk]]
    assert [stage(one)[0] for one in (done, late, first, second)] == ["done"] * 4
    assert (campaign.ending, campaign.ended_at) == (Campaign.Ending.ALL_DONE, START + 10 * DAY)
    assert "Mira Ode writes: “Before Friday, please.”" in " ".join(built[0].text.split())
    assert [one.subject.startswith("Reminder: ") for one in built] == [False, True, True]
    assert TokenEvent.objects.filter(token=late, kind="asked").count() == 3


def test_what_happens_meanwhile_shows_on_the_board_and_no_reminder_goes_there(mira: User) -> None:
    tokens = {
        name: log_in(name)
        for name in (
            "removed",
            "left",
            "unlinked",
            "parked",
            "failed",
            "opened",
            "at channel",
            "trouble",
            "waits",
        )
    }
    unasked = {
        "system": log_in("system", kind=Token.Kind.SYSTEM),
        "imported": log_in("imported", consented_by=None),
    }
    begin(mira, *tokens.values(), *unasked.values())
    sent = work(START)
    Token.objects.filter(pk=tokens["removed"].pk).update(state="dead", reason=Token.REMOVED)
    User.objects.filter(name="left").update(is_active=False)
    AccountToken.objects.filter(token=tokens["unlinked"]).delete()
    parked = tokens["parked"].consented_by
    assert parked
    refused_addresses.note(parked.email, said="550 unknown", now=START, why=refused_addresses.Why.BOUNCED)
    Message.objects.filter(payload__tokens=[tokens["failed"].pk]).update(state="failed")
    stages.note_opened(token_ids=[tokens["opened"].pk], now=START + DAY)
    for name in ("at channel", "trouble"):
        stages.note_at_channel(token_ids=[tokens[name].pk], now=START + DAY)
    stages.note_trouble(token_ids=[tokens["trouble"].pk], trouble=stages.SOMEBODY_ELSE)

    stages.settle(now=START + DAY)
    failed = stage(tokens["failed"])
    reminded = work(START + 2 * DAY)
    found = {name: stage(token) for name, token in (tokens | unasked).items()}
    refused_addresses.release([parked.email], now=START + 3 * DAY)
    again = work(START + 3 * DAY)

    assert (sent, failed) == (9, ("failed", "mail_failed"))
    assert found == {
        "removed": ("not_askable", "removed"),
        "left": ("not_askable", "person_left"),
        "unlinked": ("not_askable", "not_linked"),
        "parked": ("failed", "parked"),
        "failed": ("sent", ""),
        "opened": ("opened", ""),
        "at channel": ("at_channel", ""),
        "trouble": ("failed", "somebody_else"),
        "waits": ("sent", ""),
        "system": ("not_askable", "system_user"),
        "imported": ("not_askable", "nobody_known"),
    }
    # those who opened it, were at the channel, met a trouble there, or did nothing; and whose mail failed while its address is fine
    assert reminded == 5
    assert (asked(tokens["failed"]), asked(tokens["waits"])) == ([0, 0], [0, 1])
    assert again == 1  # mail reaches the parked one again


def test_two_campaigns_and_an_ask_by_hand_mail_a_person_once_a_day(mira: User) -> None:
    token = log_in("Ada")
    account = token.pool_entries.get().account
    first, second = begin(mira, token), begin(mira, token, at=START + timedelta(hours=1))

    sent = [work(START + timedelta(hours=1)), work(START + 2 * DAY + timedelta(hours=2))]
    renew(token, START + 3 * DAY)
    work(START + 3 * DAY)

    assert sent == [1, 1]
    assert asked(token) == [0, 1]
    assert [stage(token, one)[0] for one in (first, second)] == ["done", "done"]
    assert account.events.filter(kind="asked").count() == 2


def test_a_log_in_counts_as_sent_once_its_mail_has_left(mira: User) -> None:
    token, other = log_in("Ada"), log_in("Ben")
    campaign = begin(mira, token, other)

    sending.send_due(clock=lambda: START, goes_on=lambda: True)
    written = stage(token)
    claimed = claims.claim(now=START)
    assert claimed is not None
    claims.record_sent(claimed, claims.Sent("S", "t", "h"), now=START)

    assert (written, stage(token)) == (("waiting", "queued"), ("sent", ""))
    stages.settle(now=START)
    assert (stage(token), stage(other)) == (("sent", ""), ("waiting", "queued"))
    running.stop(campaign=campaign, by=mira, now=START)
    over = [campaign_rows.lines([row], viewer=mira, now=START)[0] for row in campaign.log_ins.order_by("pk")]
    assert [(one.reached, one.why) for one in over] == [("Sent", ""), ("To be asked", "")]


def test_whose_first_mail_failed_counts_as_sent_once_the_next_has_left_which_is_no_reminder(
    mira: User,
) -> None:
    token = log_in("Ada")
    begin(mira, token)
    sending.send_due(clock=lambda: START, goes_on=lambda: True)
    Message.objects.update(state="failed")
    second = START + 2 * DAY

    sending.send_due(clock=lambda: second, goes_on=lambda: True)
    written = stage(token)
    claimed = claims.claim(now=second)
    assert claimed is not None
    claims.record_sent(claimed, claims.Sent("S", "t", "h"), now=second)
    left = stage(token)
    sending.send_due(clock=lambda: second + 3 * DAY, goes_on=lambda: True)

    assert (written, left) == (("waiting", "queued"), ("sent", ""))
    assert (asked(token), stage(token)) == (
        [0, 0, 2],
        ("sent", ""),
    )  # a reminder that waits takes nothing back


def test_after_mails_that_failed_or_were_cancelled_the_next_is_the_first(mira: User) -> None:
    token = log_in("Ada")
    begin(mira, token)
    sending.send_due(clock=lambda: START, goes_on=lambda: True)
    Message.objects.update(state="cancelled")
    stages.note_at_channel(token_ids=[token.pk], now=START + DAY)
    sending.send_due(clock=lambda: START + 2 * DAY, goes_on=lambda: True)
    Message.objects.filter(state="queued").update(state="failed")

    sending.send_due(clock=lambda: START + 5 * DAY, goes_on=lambda: True)

    assert asked(token) == [0, 0, 0]


def test_a_mail_that_waits_two_days_for_its_server_is_followed_by_no_reminder_on_its_heels(
    mira: User,
) -> None:
    token = log_in("Ada")
    begin(mira, token)
    sending.send_due(clock=lambda: START, goes_on=lambda: True)
    back = START + 2 * DAY + timedelta(minutes=5)

    meanwhile = sending.send_due(clock=lambda: START + 2 * DAY, goes_on=lambda: True)
    claimed = claims.claim(now=back)
    assert claimed is not None
    claims.record_sent(claimed, claims.Sent("S", "t", "h"), now=back)
    reminded = [work(back + hours * timedelta(hours=1)) for hours in (1, 23, 24)]

    assert (meanwhile, reminded) == (0, [0, 0, 1])


def test_two_campaigns_about_two_log_ins_of_a_person_mail_once_a_day_unless_one_ends_before(
    mira: User,
) -> None:
    person = make_user("both@example.com", name="Bo")
    tokens = [log_in(person=person) for _ in range(3)]
    begin(mira, tokens[0])
    begin(mira, tokens[1])
    begin(mira, tokens[2], ends=START + timedelta(hours=20))

    first, found = work(START), [stage(token) for token in tokens]
    next_day = work(START + DAY)

    assert (first, next_day) == (2, 1)
    assert found == [("sent", ""), ("waiting", "one_mail_a_day"), ("sent", "")]
    assert stage(tokens[1]) == ("sent", "")


def test_stopping_stops_reminders_and_marks_the_rest_and_the_last_day_does_the_same(mira: User) -> None:
    done, open_, other = log_in("Ada"), log_in("Ben"), log_in("Cleo")
    stopped = begin(mira, done, open_)
    ends = begin(mira, other, ends=START + 4 * DAY)
    work(START)
    renew(done, START + DAY)
    reminder = work(START + 2 * DAY)
    waiting = Message.objects.get(payload__tokens=[open_.pk], payload__reminder=1)

    stops = [running.stop(campaign=stopped, by=mira, now=START + 3 * DAY) for _ in range(2)]
    after = [work(START + days * DAY) for days in (4, 5, 6)]

    ends.refresh_from_db()
    assert (reminder, stops, after) == (2, [True, False], [0, 0, 0])
    assert [stage(one)[0] for one in (done, open_, other)] == ["done", "left", "left"]
    assert ends.ending == Campaign.Ending.LAST_DAY
    with pytest.raises(NotWanted, match="was over"):
        ask_mail.build(waiting)


def test_nothing_goes_out_on_hold_or_for_a_maker_who_may_no_longer(
    mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = log_in("Ada")
    campaign = begin(mira, held)
    with monkeypatch.context() as on_hold:
        on_hold.setattr(hold, "current", lambda: object())
        while_on_hold = work(START)
    mira.user_permissions.clear()
    without_right = work(START)

    campaign.refresh_from_db()
    assert (while_on_hold, without_right) == (0, 0)
    assert (campaign.ending, stage(held)[0]) == (Campaign.Ending.MAKER_LEFT, "left")
    assert not Message.objects.exists()


def test_a_worker_that_dies_leaves_the_rest_to_another_and_nobody_is_mailed_twice(
    mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(mira, *(log_in() for _ in range(5)))
    done: list[int] = []
    original = sending._next

    def dies(rows: Any, now: datetime, **facts: Any) -> None:
        original(rows, now, **facts)
        done.extend(row.pk for row in rows)
        if len(done) > 2:
            raise KeyboardInterrupt  # after the mail of the third is written, before that is committed

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_next", dies)
        with pytest.raises(KeyboardInterrupt):
            work(START)
    before = Message.objects.count()

    rest = work(START)

    assert (before, rest) == (2, 3)
    assert Message.objects.values("recipient").distinct().count() == Message.objects.count() == 5


def test_a_manager_sees_no_log_in_outside_the_own_teams_and_asks_about_none_of_their_accounts(
    mira: User,
) -> None:
    team, other = make_team("Ours"), make_team("Theirs")
    manager = make_user("lead@example.com", team=team, is_staff=True)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    ours, theirs = log_in("Ada", team=team), log_in("Ben", team=other)
    link(theirs_too := make_account("facebook", team=other), ours)
    whole, only_theirs = begin(boss, ours, theirs), begin(boss, theirs)
    manager.user_permissions.add(Permission.objects.get(codename="run_campaign"))
    mine = begin(manager, ours, at=START + timedelta(minutes=1))
    work(START + timedelta(minutes=1))

    seen = running.rows_seen_by(manager).filter(campaign=whole)

    assert [row.token_id for row in seen] == [ours.pk]
    assert set(running.visible_to(manager)) == {whole, mine}
    assert running.visible_to(boss).count() == 3
    assert only_theirs not in running.visible_to(mira)
    about = sending._about([ours.pk], manager)
    assert theirs_too.pk not in {account.pk for account, _ in about}
    AccountToken.objects.filter(token__in=[ours, theirs]).delete()
    assert [row.token_id for row in running.rows_seen_by(manager).filter(campaign=whole)] == [ours.pk]


def test_whose_app_retires_is_done_once_they_consented_under_the_new_one(mira: User) -> None:
    old = make_app("facebook", client_id="old", is_default=False)
    ada, ben = (make_user(name=name) for name in ("Ada", "Ben"))
    tokens = [
        make_token(old, consented_by=one, native_user_name=one.name, linked_at=START - DAY)
        for one in (ada, ben)
    ]
    for token in tokens:
        link(make_account("facebook"), token)
    begin(mira, *tokens)
    work(START)
    new = make_app("facebook")
    make_token(new, consented_by=ada, native_user_name=ada.name, linked_at=START + DAY)

    stages.settle(now=START + DAY, people=[ada.pk, ben.pk])

    assert [stage(token)[0] for token in tokens] == ["done", "sent"]


def test_1000_log_ins_are_settled_by_one_statement_and_go_with_their_people_and_their_time(
    mira: User, django_assert_max_num_queries: Any
) -> None:
    app, person = make_app("facebook"), make_user()
    first = make_token(app, consented_by=person, linked_at=START - DAY)
    account = make_account("facebook")
    link(account, first)
    made = Token.objects.bulk_create(
        Token(
            app=app,
            native_user_id=f"n{number}",
            native_user_name="N",
            consented_by=person,
            linked_at=START - DAY,
        )
        for number in range(1_000)
    )
    campaign = begin(mira, first, *made)

    with django_assert_max_num_queries(1):
        changed = stages.settle(now=START)
    first.delete()
    with transaction.atomic():
        running.stop(campaign=campaign, by=mira, now=START)
    Campaign.objects.update(created_at=START - 500 * DAY, ended_at=START - 499 * DAY)
    CampaignLogIn.objects.update(added_at=START - 500 * DAY)
    for _ in range(2):
        pruning.run(now=START)

    assert changed == 1_000  # all but the one that is linked
    assert Account.objects.filter(pk=account.pk).exists()
    assert (CampaignLogIn.objects.count(), Campaign.objects.count()) == (0, 0)
    assert mail.outbox == []
