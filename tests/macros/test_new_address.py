"""A person gets another e-mail address, whoever gives it, or is deleted: what went by the old one goes along, or ends."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from accounts.asks import services as asks
from accounts.models import Account, AskLine
from macros.at_once import services as at_once
from macros.models import Acknowledgement, Evaluation, MacroAction, Mute, Notice, Told
from macros.mutes import acknowledgements, services
from macros.warnings import services as evaluation
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.news import SOON, linked, log_in, revive, send, tells
from tests.macros.news import die as stop
from tests.macros.support import TODAY, die, ending, make_macro, make_person
from tests.macros.test_links_in_mails import evaluate
from tests.notifications.support import make_message
from tests.support.asking import ask_now
from tests.support.factories import NOW, make_user
from users.models import Invitation, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY = timedelta(days=1)
OLD, NEW = "ada@exmaple.com", "ada@example.com"


@pytest.fixture
def ada() -> User:
    return make_person(OLD, name="Ada Okafor")


def correct(person: User) -> None:
    person.email = NEW
    person.save()


def of_ada(account: Account, ada: User) -> None:
    """She snoozed the account and then all, and is on it."""
    until = TODAY + 5 * DAY
    services.mute_accounts(accounts=[account], email=OLD, until=until, now=NOW)
    services.mute_all(email=OLD, until=until, now=NOW)
    acknowledgements.acknowledge(deadlines=acknowledgements.deadlines_on(account), email=OLD, now=NOW)


def kept_of(email: str) -> tuple[int, int]:
    """How many snoozes, and deadlines that somebody is on, go by an address."""
    return (
        Mute.objects.running().filter(email=email).count(),
        Acknowledgement.objects.filter(email=email).values("account").distinct().count(),
    )


def test_what_went_by_the_old_address_goes_along(ada: User) -> None:
    account, other = ending(7, person=ada), ending(60, person=ada)
    make_macro(emails=[], notify_consenters=True, days=[7])
    evaluate()
    of_ada(account, ada)
    Mute.objects.create(account=other, email=OLD, until=TODAY + DAY, started_at=NOW)
    Mute.objects.create(account=other, email=NEW, until=TODAY + 2 * DAY, started_at=NOW)

    correct(ada)

    assert (kept_of(OLD), kept_of(NEW)) == ((0, 0), (3, 1))
    assert Mute.objects.running().get(account=other).until == TODAY + 2 * DAY
    assert acknowledgements.take_back(deadlines=acknowledgements.deadlines_on(account), email=NEW, now=NOW)
    die(account)
    assert NEW not in evaluate(1)
    assert services.end_all(email=NEW, by=None, now=NOW)


def test_what_was_stopped_goes_along_also_where_a_macro_names_the_old_address(ada: User) -> None:
    account = ending(7, person=ada)
    make_macro(emails=[OLD], notify_consenters=True, days=[7])
    evaluate()
    of_ada(account, ada)
    Acknowledgement.objects.all().delete()

    correct(ada)

    assert (kept_of(OLD), kept_of(NEW)) == ((0, 0), (2, 0))


def test_what_waits_leaves_for_the_new_address_once_and_what_macros_tell_is_found_anew_for_it(
    ada: User,
) -> None:
    asked, dying, warned = linked(log_in(ada)), linked(log_in(ada)), ending(7, person=ada)
    named = ending(7, name="Named")
    make_macro(emails=[], notify_consenters=True, days=[7], accounts=[warned])
    make_macro(emails=[OLD], days=[7], accounts=[named])
    tells("deactivated", "recovered", emails=[], notify_consenters=True, days=[1])
    token = asked.pool.get().token
    ask_now(people=[[(asked, token)]], user=make_user("boss@example.com"), note="", now=NOW)
    stop(dying.pool.get().token)
    evaluation.evaluate(now=NOW, trigger=Evaluation.Trigger.SCHEDULE)
    at_once.tell_news(SOON)
    reset = make_message(OLD, kind="password_reset")

    correct(ada)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):  # after the run
        sent = [one.partition(":")[0] for one in send()]
    at_once.tell_news(NOW + timedelta(hours=1))
    evaluation.evaluate_if_due(now=NOW + timedelta(hours=1))
    send(NOW + timedelta(hours=1))

    reset.refresh_from_db()
    assert reset.recipient == OLD
    assert NEW in sent
    assert set(Notice.objects.filter(outcome="mailed").values_list("recipient", "account")) == {
        (OLD, named.pk), (NEW, warned.pk)
    }  # fmt: skip
    assert evaluate(0) == []  # once
    assert Told.objects.mailed().get(account=dying, kind="log_in").recipient == NEW


def test_what_waits_for_the_next_mail_to_its_reader_waits_at_the_new_address(ada: User) -> None:
    account = linked(log_in(make_person(name="Ben")), log_in(ada))
    tells("shifted", emails=[], notify_consenters=True, days=[1])
    macro = make_macro(emails=[], notify_consenters=True, days=[1])
    MacroAction.objects.create(
        macro=macro.macro, kind=MacroAction.Kind.FEW_PEOPLE, notify_consenters=True, people=2
    )
    stop(account.pool.earliest("rank").token)
    at_once.tell_news(SOON)
    evaluate()

    correct(ada)
    Message.objects.filter(recipient=OLD).update(next_attempt_at=SOON)
    send(SOON)
    at_once.tell_news(SOON + timedelta(minutes=1))

    of_her = Told.objects.live().filter(recipient__in=[OLD, NEW])
    assert sorted(of_her.values_list("kind", "recipient", "outcome")) == [
        ("few_people", NEW, "waiting"), ("shifted", NEW, "waiting")
    ]  # fmt: skip


def test_nothing_waits_for_a_person_who_was_deleted_nor_is_kept_from_who_has_the_address_next(
    ada: User,
) -> None:
    account = linked(log_in(ada), log_in(make_person(name="Ben")))
    warned = ending(7, person=ada)
    make_macro(emails=[], notify_consenters=True, days=[7])
    evaluate()
    of_ada(warned, ada)
    for entry in account.pool.all():
        stop(entry.token)
    send()
    asked = make_message(OLD, kind="imported", payload={})

    ada.delete()

    asked.refresh_from_db()
    assert (asked.state, kept_of(OLD)) == ("cancelled", (0, 0))
    revive(account, NOW + timedelta(hours=1))
    at_once.tell_news(NOW + timedelta(hours=2))
    assert OLD not in Message.objects.filter(kind="works_again").values_list("recipient", flat=True)


def test_who_was_told_that_it_is_dark_hears_that_it_works_again_at_the_new_address(ada: User) -> None:
    both, old_only = linked(log_in(ada)), linked(log_in(make_person(name="Ben")))
    mine = make_macro(emails=[OLD], days=[7], scope="chosen", accounts=[both])
    make_macro(emails=[OLD], days=[7], scope="chosen", accounts=[old_only])
    for account in (both, old_only):
        stop(account.pool.get().token)
    at_once.tell_news(SOON)
    Told.objects.all().delete()  # what the log-in's own mail tells
    Message.objects.all().delete()
    evaluate()
    assert OLD in {one.partition(":")[0] for one in send()}

    correct(ada)
    MacroAction.objects.filter(pk=mine.pk).update(emails=[NEW])
    evaluate(1)
    send(NOW + DAY)
    for account in (both, old_only):
        revive(account, NOW + DAY)
    at_once.tell_news(NOW + DAY + timedelta(hours=1))
    sent = send(NOW + DAY + timedelta(hours=1))

    assert [one for one in sent if one.startswith((OLD, NEW))] == [
        f"{NEW}: {both} works again",
        f"{OLD}: {old_only} works again",
    ]


def test_an_ask_that_failed_goes_to_the_new_address_when_sent_again_and_never_to_the_old_one(
    ada: User,
) -> None:
    account = linked(log_in(ada))
    token = account.pool.get().token
    ask_now(people=[[(account, token)]], user=make_user("boss@example.com"), note="", now=NOW)
    stop(token)
    at_once.tell_news(SOON)
    asked, died = Message.objects.get(kind="ask"), Message.objects.get(kind="news")
    Message.objects.update(state="failed")

    correct(ada)

    assert claims.send_again(message_id=asked.pk, now=NOW)
    assert [one.partition(":")[0] for one in send()] == [NEW]
    for late in (asked, died):  # as one that was written just after
        with pytest.raises(NotWanted, match="another e-mail address"):
            KINDS[late.kind].build(late)


def test_an_alert_goes_on_to_operator_emails(ada: User, settings: Settings) -> None:
    settings.OPERATOR_EMAILS = [OLD]
    alert = make_message(OLD, kind="operators", payload={"app": 0, "fault": "", "answers": []})

    correct(ada)

    alert.refresh_from_db()
    assert alert.recipient == OLD


def test_what_an_invitation_asks_stays_with_it(
    ada: User,
) -> None:
    account, other = linked(log_in(ada)), linked(log_in(ada))
    team = account.team
    invitation = Invitation.objects.create(email=OLD, team=team, expires_at=NOW + 7 * DAY)
    facts: dict[str, Any] = {"what": "link", "email": OLD, "team": team, "ends_at": NOW + 30 * DAY}
    asks.begin_ask([asks.line_of(account)], **facts, invitation=invitation)
    asks.begin_ask([asks.line_of(other)], **facts)

    correct(ada)

    assert dict(AskLine.objects.values_list("account", "ask__email")) == {account.pk: OLD, other.pk: NEW}
