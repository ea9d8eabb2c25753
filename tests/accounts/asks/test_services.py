"""Asks to re-authenticate: who is asked and reminded when, what becomes of each log-in, and that nobody is mailed twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.asks import mails, progress, queries, services
from accounts.models import AccountToken, Ask, AskLine
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token, TokenEvent
from users.installation import hold
from users.models import Team, User

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday


@pytest.fixture
def mira() -> User:
    user = make_user("mira@example.com", name="Mira Ode", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="ask_token"))
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
) -> Ask:
    facts = {"name": "Move to the new app", "note": "Before Friday, please.", "once": "", **fields}
    return services.start_ask(user=by, token_ids=[one.pk for one in tokens], ends_at=ends, now=at, **facts)


def work(at: datetime, *, goes_on: Any = lambda: True) -> int:
    """A worker writes what is due, and the mails leave."""
    written = services.send_due_requests(clock=lambda: at, goes_on=goes_on)
    Message.objects.filter(kind="ask", state="queued").update(state="sent")
    progress.settle_asks(now=at)
    return written


def stage(token: Token, ask: Ask | None = None) -> tuple[str, str]:
    rows = AskLine.objects.filter(token=token)
    row = rows.get(ask=ask) if ask else rows.get()
    return row.stage, row.why


def asked(token: Token) -> list[int]:
    """The numbers of the mails to the person of a log-in: 0 for the first, then the reminders."""
    assert token.consented_by
    sent = Message.objects.filter(recipient=token.consented_by.email).order_by("pk")
    return [mail.payload["reminder"] for mail in sent]


def renew(token: Token, at: datetime) -> None:
    """The log-in is consented to again, by whatever way."""
    Token.objects.filter(pk=token.pk).update(linked_at=at)


def test_who_has_not_renewed_is_reminded_after_2_and_5_days_and_nobody_else(mira: User) -> None:
    done, late, both = log_in("Ada"), log_in("Ben"), make_user("cleo@example.com", name="Cleo")
    first, second = log_in(person=both), log_in(person=both)
    ask = begin(mira, done, late, first, second)

    sent = [work(START + timedelta(hours=hours)) for hours in (0, 24)]
    renew(done, START + DAY)
    renew(first, START + DAY)
    reminded = [work(START + days * DAY) for days in (2, 4.9, 5, 9)]
    assert late.consented_by
    built = [
        mails.build_ask_mail(one)
        for one in Message.objects.filter(recipient=late.consented_by.email).order_by("pk")
    ]
    renew(second, START + 10 * DAY)
    renew(late, START + 10 * DAY)
    work(START + 10 * DAY)

    ask.refresh_from_db()
    assert sent == [3, 0]  # one mail a person
    assert reminded == [2, 0, 2, 0]
    assert (asked(done), asked(late), asked(second)) == ([0], [0, 1, 2], [0, 1, 2])
    to_both = Message.objects.filter(recipient=both.email).order_by("pk")
    assert [mail.payload["tokens"] for mail in to_both] == [[first.pk, second.pk], [second.pk], [second.pk]]
    assert [stage(one)[0] for one in (done, late, first, second)] == ["done"] * 4
    assert (ask.ending, ask.ended_at) == (Ask.Ending.ALL_DONE, START + 10 * DAY)
    assert "Mira Ode writes: “Before Friday, please.”" in " ".join(built[0].text.split())
    assert [one.subject.startswith("Reminder: ") for one in built] == [False, True, True]
    assert TokenEvent.objects.filter(token=late, kind="asked").count() == 3


def test_two_asks_and_an_ask_by_hand_mail_a_person_once_a_day(mira: User) -> None:
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


def test_a_mail_that_waits_two_days_for_its_server_is_followed_by_no_reminder_on_its_heels(
    mira: User,
) -> None:
    token = log_in("Ada")
    begin(mira, token)
    services.send_due_requests(clock=lambda: START, goes_on=lambda: True)
    back = START + 2 * DAY + timedelta(minutes=5)

    meanwhile = services.send_due_requests(clock=lambda: START + 2 * DAY, goes_on=lambda: True)
    claimed = claims.claim_next(now=back)
    assert claimed
    claims.record_sent(claimed, claims.Sent("S", "t", "h"), now=back)
    reminded = [work(back + hours * HOUR) for hours in (0, 1, 47, 48)]

    assert (meanwhile, reminded) == (0, [0, 0, 0, 1])


def test_stopping_stops_reminders_and_marks_the_rest_and_the_last_day_does_the_same(mira: User) -> None:
    done, open_, other = log_in("Ada"), log_in("Ben"), log_in("Cleo")
    stopped = begin(mira, done, open_)
    ends = begin(mira, other, ends=START + 4 * DAY)
    work(START)
    renew(done, START + DAY)
    reminder = work(START + 2 * DAY)
    waiting = Message.objects.get(payload__tokens=[open_.pk], payload__reminder=1)

    stops = [services.stop_ask(ask=stopped, now=START + 3 * DAY) for _ in range(2)]
    after = [work(START + days * DAY) for days in (4, 5, 6)]

    ends.refresh_from_db()
    assert (reminder, stops, after) == (2, [True, False], [0, 0, 0])
    assert [stage(one)[0] for one in (done, open_, other)] == ["done", "left", "left"]
    assert ends.ending == Ask.Ending.LAST_DAY
    with pytest.raises(NotWanted, match="no longer asked"):
        mails.build_ask_mail(waiting)


def test_nothing_goes_out_on_hold_or_for_a_maker_who_may_no_longer(
    mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = log_in("Ada")
    ask = begin(mira, held)
    with monkeypatch.context() as on_hold:
        on_hold.setattr(hold, "current", lambda: object())
        while_on_hold = work(START)
    mira.user_permissions.clear()
    without_right = work(START)

    ask.refresh_from_db()
    assert (while_on_hold, without_right) == (0, 0)
    assert (ask.ending, stage(held)[0]) == (Ask.Ending.MAKER_LEFT, "left")
    assert not Message.objects.exists()


def test_whose_first_mail_never_left_gets_the_next_as_the_first(mira: User) -> None:
    token = log_in("Ada")
    begin(mira, token)
    services.send_due_requests(clock=lambda: START, goes_on=lambda: True)
    Message.objects.update(state="failed")

    progress.settle_asks(now=START)
    failed = stage(token)
    services.send_due_requests(clock=lambda: START + 2 * DAY, goes_on=lambda: True)
    written = stage(token)
    progress.settle_asks(now=START + 2 * DAY)

    assert (failed, written) == (("failed", "mail_failed"), ("failed", "mail_failed"))
    assert (asked(token), stage(token)) == ([0, 0], ("waiting", ""))


def test_a_worker_that_dies_leaves_the_rest_to_another_and_nobody_is_mailed_twice(
    mira: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(mira, *(log_in() for _ in range(5)))
    done: list[int] = []
    original = services._note_asked

    def dies(lines: Any, now: datetime, **facts: Any) -> None:
        original(lines, now, **facts)
        done.extend(line.pk for line in lines)
        if len(done) > 2:
            raise KeyboardInterrupt  # after the mail of the third is written, before that is committed

    with monkeypatch.context() as patched:
        patched.setattr(services, "_note_asked", dies)
        with pytest.raises(KeyboardInterrupt):
            work(START)
    before = Message.objects.count()

    rest = work(START)

    assert (before, rest) == (2, 3)
    assert Message.objects.values("recipient").distinct().count() == Message.objects.count() == 5


def test_many_log_ins_are_settled_by_as_many_queries_as_few(mira: User) -> None:
    person, counts = make_user(), []

    for number in (3, 9):
        begin(mira, *(log_in(person=person) for _ in range(number)))
        with CaptureQueriesContext(connection) as queries_made:
            progress.settle_asks(now=START)
        counts.append(len(queries_made))

    assert counts[0] == counts[1]


def test_a_manager_sees_no_log_in_outside_the_own_teams_and_asks_about_none_of_their_accounts(
    mira: User,
) -> None:
    team, other = make_team("Ours"), make_team("Theirs")
    manager = make_user("lead@example.com", team=team, is_staff=True)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    ours, theirs = log_in("Ada", team=team), log_in("Ben", team=other)
    link(theirs_too := make_account("facebook", team=other), ours)
    whole, only_theirs = begin(boss, ours, theirs), begin(boss, theirs)
    manager.user_permissions.add(Permission.objects.get(codename="ask_token"))
    mine = begin(manager, ours, at=START + timedelta(minutes=1))
    work(START + timedelta(minutes=1))

    seen = AskLine.objects.visible_to(manager).filter(ask=whole)

    assert [row.token_id for row in seen] == [ours.pk]
    assert set(Ask.objects.visible_to(manager)) == {whole, mine}
    assert Ask.objects.visible_to(boss).count() == 3
    assert only_theirs not in Ask.objects.visible_to(mira)
    about = queries.accounts_with_log_ins([ours.pk], manager)
    assert theirs_too.pk not in {account.pk for account, _ in about}
    AccountToken.objects.filter(token__in=[ours, theirs]).delete()
    assert [row.token_id for row in AskLine.objects.visible_to(manager).filter(ask=whole)] == [ours.pk]


def person_of(token: Token) -> User:
    assert token.consented_by
    return token.consented_by


def mails_to(token: Token) -> list[Message]:
    return list(Message.objects.filter(recipient=person_of(token).email).order_by("pk"))


def test_a_log_in_that_somebody_else_renewed_is_done_and_the_mail_speaks_to_its_reader_of_the_rest(
    mira: User,
) -> None:
    ada, ben = make_user("ada@example.com", name="Ada Okafor"), make_user("ben@example.com", name="Ben")
    taken, left = log_in(person=ada), log_in(person=ada)
    begin(mira, taken, left)
    work(START)
    mail = Message.objects.get()
    Token.objects.filter(pk=taken.pk).update(consented_by=ben, linked_at=mail.created_at + HOUR)
    Message.objects.update(created_at=START)
    Token.objects.filter(pk=taken.pk).update(linked_at=START + HOUR)

    built = mails.build_ask_mail(Message.objects.get())
    progress.settle_asks(now=START + HOUR, people=[ben.pk])
    reminded = work(START + 2 * DAY)

    assert "Ada, " in built.text
    assert "Ben" not in built.text
    assert built.text.count("/renew/") == 1, "her own link, of what is still hers"
    assert (stage(taken)[0], stage(left)[0], reminded) == ("done", "sent", 1)
    assert [one.payload["tokens"] for one in mails_to(left)] == [[taken.pk, left.pk], [left.pk]]


def test_stopping_stops_also_first_mails_that_have_not_left_unless_another_ask_counts_on_them(
    mira: User,
) -> None:
    alone, both = log_in("Ada"), log_in("Ben")
    first = begin(mira, alone, both)
    work(START)
    begin(mira, both, at=START + HOUR)
    work(START + HOUR)

    services.stop_ask(ask=first, now=START + 2 * HOUR)

    with pytest.raises(NotWanted, match="no longer asked"):
        mails.build_ask_mail(mails_to(alone)[0])
    assert "Ben" in mails.build_ask_mail(mails_to(both)[0]).text
    assert [work(START + days * DAY) for days in (2, 3)] == [0, 1], (
        "2 days after it was asked as the second one's"
    )
    assert (asked(alone), asked(both)) == ([0], [0, 1])


def test_who_is_switched_off_and_on_again_is_reminded_and_who_is_deleted_is_nobody(mira: User) -> None:
    away, gone, waits = log_in("away"), log_in("gone"), log_in("waits")
    ask = begin(mira, away, gone, waits)
    work(START)
    User.objects.filter(name="away").update(is_active=False)
    person_of(gone).delete()

    meanwhile = work(START + 2 * DAY)
    found = stage(away), stage(gone)
    User.objects.filter(name="away").update(is_active=True)
    back = work(START + 3 * DAY)
    mira.delete()
    over = work(START + 5 * DAY)

    ask.refresh_from_db()
    assert (meanwhile, back, over) == (1, 1, 0)
    assert found == (("not_askable", "person_left"), ("not_askable", "nobody_known"))
    assert (ask.ending, ask.made_by) == (Ask.Ending.MAKER_LEFT, None)
    assert (stage(away)[0], stage(gone)[0]) == ("left", "not_askable")
