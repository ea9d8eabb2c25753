"""A person gets another e-mail address, whoever gives it, or is deleted: what went by the old one goes along, or ends."""

from datetime import timedelta

import pytest

from accounts import actions
from accounts.models import Account, AccountNotice
from accounts.telling import notices as telling
from macros import at_once, digest_readers, evaluation, on_it, opt_outs, snoozing
from macros.models import Acknowledgement, DigestStop, Notice, OptOut, Silence
from notifications import claims
from notifications.models import Message
from tests.macros.support import TODAY, die, ending, make_macro, make_person
from tests.macros.test_at_once import SOON, linked, log_in, revive, send, tells
from tests.macros.test_at_once import die as stop
from tests.macros.test_links_in_mails import evaluate
from tests.notifications.support import claim_next, make_message
from tests.support.factories import NOW, make_user
from users.models import User

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
    """She stopped one macro, snoozed the account and then all, is on it, and wants no digest of its team."""
    message = Message.objects.get(recipient=OLD, kind="macro")
    opt_outs.stop(message=message, now=NOW)
    until = TODAY + 5 * DAY
    snoozing.snooze(accounts=[account], email=OLD, until=until, by=None, reason="", now=NOW)
    snoozing.snooze_all(email=OLD, until=until, by=None, reason="", now=NOW)
    on_it.acknowledge(deadlines=on_it.deadlines_on(account), email=OLD, now=NOW)
    weekly = make_message(OLD, kind=digest_readers.KIND, payload={"teams": [account.team_id]}, state="sent")
    digest_readers.stop(weekly, now=NOW)


def kept_of(email: str) -> tuple[int, int, int, int]:
    """How many snoozes, copies and digests that were stopped, and deadlines that somebody is on, go by an address."""
    return (
        snoozing.running().filter(email=email).count(),
        opt_outs.running().filter(email=email).count(),
        DigestStop.objects.filter(email=email).count(),
        Acknowledgement.objects.filter(email=email).values("account").distinct().count(),
    )


def test_what_went_by_the_old_address_goes_along(ada: User) -> None:
    account, other = ending(7, person=ada), ending(60, person=ada)
    make_macro(emails=[], notify_consenters=True, days=[7])
    evaluate()
    of_ada(account, ada)
    Silence.objects.create(account=other, email=OLD, until=TODAY + DAY, started_at=NOW)
    Silence.objects.create(account=other, email=NEW, until=TODAY + 2 * DAY, started_at=NOW)

    correct(ada)

    assert (kept_of(OLD), kept_of(NEW)) == ((0, 0, 0, 0), (3, 1, 1, 1))
    assert snoozing.running().get(account=other).until == TODAY + 2 * DAY
    assert on_it.take_back(deadlines=on_it.deadlines_on(account), email=NEW, now=NOW)
    die(account)
    assert NEW not in evaluate(1)
    assert snoozing.end_all(email=NEW, by=None, now=NOW)


def test_what_a_macro_names_is_stopped_for_both_addresses(ada: User) -> None:
    account = ending(7, person=ada)
    make_macro(emails=[OLD], notify_consenters=True, days=[7])
    evaluate()
    of_ada(account, ada)
    Acknowledgement.objects.all().delete()

    correct(ada)

    assert kept_of(OLD) == kept_of(NEW) == (2, 1, 1, 0)
    assert evaluate(1) == ["ops@example.com"]


def test_mails_that_wait_leave_for_the_new_address_once_and_what_is_of_the_old_one_stays(ada: User) -> None:
    asked, dying, warned = linked(log_in(ada)), linked(log_in(ada)), ending(7, person=ada)
    make_macro(emails=[], notify_consenters=True, days=[7])
    tells("deactivated", "recovered", emails=[], notify_consenters=True, days=[1])
    boss = make_user("boss@example.com", name="Boss")
    token = asked.pool.get().token
    actions.ask_person(about=[(asked, token)], actor=boss, note="", now=NOW)
    stop(dying.pool.get().token)
    evaluation.evaluate(now=NOW)
    at_once.tell(SOON)
    reset = make_message(OLD, kind="password_reset")
    assert set(Message.objects.filter(recipient=OLD).values_list("kind", flat=True)) >= {
        "ask",
        "died",
        "macro",
    }

    correct(ada)

    assert set(Message.objects.filter(recipient=OLD)) == {reset}
    reset.delete()
    number = Message.objects.filter(recipient=NEW).count()
    assert [one.partition(":")[0] for one in send()] == [NEW] * number
    assert set(Notice.objects.values_list("recipient", "account", "outcome")) >= {(NEW, warned.pk, "mailed")}
    assert evaluate(0) == []  # once
    assert AccountNotice.objects.get(account=dying).recipient == NEW


def test_a_mail_that_is_on_its_way_leaves_once_more_to_the_new_address(ada: User) -> None:
    account = ending(7, person=ada)
    make_macro(emails=[], notify_consenters=True, days=[7])
    evaluate()
    claimed = claim_next(now=NOW)
    assert claimed is not None

    correct(ada)

    assert not claims.record_cancelled(claimed, "")
    assert [one.partition(":")[0] for one in send()] == [NEW]
    assert Notice.objects.get(account=account, outcome="mailed").recipient == NEW


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
    asked = make_message(OLD, kind="on_it", payload={"accounts": [account.pk], "by": None, "who": "x@y.com"})

    ada.delete()

    asked.refresh_from_db()
    assert (asked.state, kept_of(OLD)) == ("cancelled", (0, 0, 0, 0))
    assert OptOut.objects.get().ended_at == NOW
    revive(account, NOW + timedelta(hours=1))
    telling.tell(NOW + timedelta(hours=2))
    assert OLD not in Message.objects.filter(kind="works_again").values_list("recipient", flat=True)
