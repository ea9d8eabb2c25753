"""The warning mail: what it says, to whom, and when it says nothing."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Account, AccountToken
from macros.models import Macro, Notice
from macros.warnings import mails, revalidation
from macros.warnings import services as evaluation
from macros.warnings.revalidation import StillSaid, still_said
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import Mail, NotWanted
from tests.macros.support import BERLIN, TODAY, die, ending, make_macro, make_person, move, noon, settle
from tests.support.factories import MARKER, NOW, link, make_team, make_token
from tokens.models import Token
from ui.stored_phrases import said as in_words
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_person("ada@example.com", name="Ada Okafor")


def make_colleagues(*people: User) -> None:
    for person in people:
        Membership.objects.create(user=person, team=Team.default())


def evaluate() -> None:
    evaluation.evaluate(now=NOW)


def mail_to(recipient: str, now: datetime = NOW) -> Mail:
    with time_machine.travel(now, tick=False):
        return mails.build_mail(Message.objects.get(recipient=recipient))


def warned(recipient: str) -> Mail:
    evaluate()
    return mail_to(recipient)


def test_the_person_who_can_fix_it_is_asked_and_shown_how(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True)
    account = ending(6, name="Lumen Shoes EU", person=ada)

    mail = warned("ada@example.com")

    assert mail.subject == "Lumen Shoes EU stops in 6 days: please re-authenticate"
    for text in (mail.text, mail.html):
        assert "Lumen Shoes EU" in text
        assert account.native_id in text
        assert "1 Dec 2026, 12:00 CET" in text
        assert "/renew/" in text  # the personal link; the kept copy leads to the page behind the log-in
        assert f"/my/{account.pk}/reauthenticate/" in str(mail.stored_text)
    assert mail.text.startswith(
        "Lumen Shoes EU stops in 6 days\n\nAda, one ad account needs you. It takes about a minute."
    )
    assert "ENDS WITHIN 7 DAYS" in mail.text
    assert "6 days left" in mail.html  # the pill
    assert MARKER not in mail.subject + mail.text + mail.html


def test_nobody_is_said_to_re_authenticate_a_system_user(ada: User) -> None:
    make_colleagues(ada)
    make_macro(emails=[], notify_consenters=True)
    account = ending(6, name="Lumen Shoes EU")
    Token.objects.update(
        kind="system", team=account.team, consented_by=None, native_user_name="Reporting bot"
    )

    mail = warned("ada@example.com")

    assert mail.subject == "Lumen Shoes EU stops in 6 days: its system user is to be added again"
    said = " ".join(mail.text.split())
    assert said.startswith("Lumen Shoes EU stops in 6 days Ada, one ad account waits for Reporting bot.")
    assert "At Facebook, generate a new token for the system user Reporting bot" in said
    assert "Re-authenticate" not in said


@pytest.mark.parametrize(("days", "words"), [(1, "tomorrow"), (0, "today at 12:00 CET")])
def test_the_subject_says_when_in_words(ada: User, days: int, words: str) -> None:
    make_macro(emails=[], notify_consenters=True)
    ending(days, name="Shoes", person=ada)

    assert warned("ada@example.com").subject == f"Shoes stops {words}: please re-authenticate"


def test_a_watcher_waits_for_the_person(ada: User) -> None:
    make_macro(emails=["team@example.com"])
    ending(6, name="Shoes", person=ada)

    mail = warned("team@example.com")

    assert mail.subject == "Shoes stops in 6 days: waiting for Ada Okafor"
    for body in (" ".join(mail.text.split()), mail.html):
        assert "Works until Tue 1 Dec 2026, 12:00 CET. Waiting for Ada Okafor." in body
        assert "Ask Ada again" in body
        assert "Press Re-authenticate" not in body
        assert "/mails/" in body
    assert not re.search("/reauthenticate/|/renew/", mail.text + mail.html)


@pytest.mark.parametrize(
    ("account", "person", "more", "subject"),
    [
        ("Grove Kitchens North", "Viktoria Papadopoulou-Konstantinidou", 0,
         "Grove Kitchens North is deactivated: waiting for Viktoria"),
        ("Grove Kitchens North and all of the South", "Maximiliana-Josephine Holt", 0,
         "Grove Kitchens North and al… is deactivated: waiting for Maximiliana-Josephine"),
        ("Grove Kitchens North", "Papadopoulou-Konstantinidou-Alexandropoulou-Makri", 3,
         "Grove Kitchens North is deactivated (+3 more)"),
    ],
)  # fmt: skip
def test_in_a_subject_the_person_gives_way_before_the_account_and_one_of_them_is_cut_at_most(
    account: str, person: str, more: int, subject: str
) -> None:
    make_macro(emails=["team@example.com"])
    who = make_person(name=person)
    die(ending(50, name=account, person=who))
    for _ in range(more):
        ending(6, person=who)

    found = warned("team@example.com").subject

    assert found == subject
    assert found.count("…") <= 1
    assert len(found) <= 78


def test_where_the_team_takes_its_own_people_only_nobody_is_asked_to_re_authenticate(ada: User) -> None:
    make_macro(emails=["team@example.com"], notify_consenters=True)
    ending(50, person=ada, name="Fern", team=make_team("Harbor", members_only=True))

    evaluate()

    for reader in (ada.email, "team@example.com"):
        mail = mail_to(reader)
        text = " ".join(mail.text.split())
        assert mail.subject == "Fern is deactivated: waiting for an administrator of AdToken"
        assert "ne ad account waits for an administrator of AdToken." in text
        steps = "to the team of Fern, or let it accept log-ins of other people too."
        assert (steps in text) == (reader == ada.email)  # who may not log in can do nothing about it
        assert not re.search("/reauthenticate/|/renew/", mail.html)


def test_groups_stand_in_the_order_of_urgency(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True, days=[100, 30, 7])
    ending(90, name="Later", person=ada)
    ending(20, name="Month", person=ada)
    ending(3, name="Week", person=ada)
    die(ending(50, name="Dark", person=ada))

    mail = warned("ada@example.com")

    words = [
        "DEACTIVATED",
        "Dark (",
        "ENDS WITHIN 7 DAYS",
        "Week (",
        "ENDS WITHIN 30 DAYS",
        "Month (",
        "ENDS LATER",
        "Later (",
    ]
    places = [mail.text.index(word) for word in words]
    assert places == sorted(places)
    assert mail.subject == "Dark is deactivated: please re-authenticate (+3 more)"


def test_ten_accounts_are_listed_and_the_rest_is_a_number_with_a_link(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True)
    for number in range(25):
        ending(5, name=f"Account-{number:02}", person=ada)

    mail = warned("ada@example.com")

    assert sum(f"Account-{number:02} (" in mail.text for number in range(25)) == 10
    assert "and 15 more" in mail.text
    assert "and 15 more" in mail.html


def test_an_account_that_several_macros_found_is_one_line(ada: User) -> None:
    first = make_macro(emails=[], notify_consenters=True).macro
    second = make_macro(emails=[], notify_consenters=True, days=[10]).macro
    account = ending(6, name="Shoes", person=ada)

    mail = warned("ada@example.com")

    assert Notice.objects.count() == 2
    assert mail.text.count(account.native_id) == 1
    assert f"“{first}” and “{second}”" in " ".join(mail.text.split())


def test_a_log_in_that_ends_with_a_backup_in_place_says_so(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True, watch="token", days=[7])
    account = ending(6, name="Shoes", person=ada)
    ben = make_person("ben@example.com", name="Ben Lindqvist")
    make_colleagues(ada, ben)
    link(account, make_token(deadline=noon(TODAY + timedelta(days=40)), consented_by=ben))
    settle(account)

    mail = warned("ada@example.com")

    assert mail.subject == "Your Facebook log-in ends in 6 days (backup in place)"
    assert "Goes on through Ben" in " ".join(mail.text.split())


def test_times_stand_in_the_readers_zone(ada: User) -> None:
    make_macro(emails=["team@example.com"], notify_consenters=True)
    User.objects.filter(pk=ada.pk).update(time_zone="America/New_York")
    ending(at=datetime(2026, 12, 1, 3, 0, tzinfo=BERLIN), name="Shoes", person=ada)

    evaluate()

    assert "Mon 30 Nov 2026, 21:00 EST" in " ".join(mail_to("ada@example.com").text.split())
    assert "in 5 days" in mail_to("ada@example.com").subject
    assert "Tue 1 Dec 2026, 03:00 CET" in " ".join(mail_to("team@example.com").text.split())
    assert "in 6 days" in mail_to("team@example.com").subject


def test_an_account_without_any_log_in_left_is_told(ada: User) -> None:
    make_macro(emails=["team@example.com"])
    account = ending(50, name="Shoes", person=ada)
    Account.objects.update(active_token=None)
    account.pool.all().delete()
    settle(account, cause="unlinked")

    mail = warned("team@example.com")

    assert mail.subject == "Shoes is deactivated: nobody is linked now"


def pause(account: Account) -> None:
    Account.objects.update(paused_at=NOW)
    settle(account)


def unapply(macro: Macro) -> None:
    Macro.objects.update(enabled=True)
    macro.accounts.clear()


def test_a_notice_is_dropped_when_it_does_not_hold_any_more(ada: User) -> None:
    account = ending(5, person=ada)
    macro = make_macro(emails=[], notify_consenters=True, accounts=[account]).macro
    evaluate()
    cases: dict[str, Callable[[], object]] = {
        "The account's deadline has moved.": lambda: move(account, deadline=noon(TODAY + timedelta(days=60))),
        "The account is paused.": lambda: pause(account),
        "The macro was switched off.": lambda: Macro.objects.update(enabled=False),
        "The macro is no longer applied to the account.": lambda: unapply(macro),
        "The macro was deleted.": macro.delete,
    }

    for reason, change in cases.items():
        Notice.objects.update(outcome="waiting", cycle=Account.objects.get().cycle)
        change()
        with pytest.raises(NotWanted) as error:
            mail_to("ada@example.com")
        assert str(error.value) == reason
        assert Notice.objects.get().outcome == "dropped"


def test_an_account_that_works_again_is_not_told_dark(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True)
    account = ending(50, person=ada)
    die(account)
    evaluate()
    move(account, state="valid", reason="")

    with pytest.raises(NotWanted, match="works again"):
        mail_to("ada@example.com")


@pytest.mark.parametrize("watch", ["account", "token"])
def test_a_mail_that_leaves_after_the_date_says_nothing_of_it_and_that_it_is_dark_is_told(
    ada: User, watch: str
) -> None:
    make_macro(emails=[], notify_consenters=True, watch=watch)
    account, _later = ending(1, name="Over", person=ada), ending(7, name="Later", person=ada)
    evaluate()
    over = NOW + timedelta(days=2)

    mail = mail_to("ada@example.com", over)
    dropped = Notice.objects.get(account=account)
    die(account, over)
    evaluation.evaluate(now=over)

    assert mail.subject == "Later stops in 5 days: please re-authenticate"
    assert "Over" not in mail.text
    assert in_words(dropped.outcome_reason).startswith("The date had passed")
    told = Notice.objects.filter(account=account, token=None).exclude(outcome="dropped")
    assert [one.threshold for one in told] == [0]


def test_a_message_that_was_cancelled_is_not_found_again(ada: User) -> None:
    make_macro(emails=[], notify_consenters=True)
    ending(5, person=ada)
    evaluate()
    claims.cancel_all(Message.objects.all(), reason="It waited when this installation was on hold.")

    evaluate()

    assert Notice.objects.get().outcome == "cancelled"
    assert Message.objects.count() == 1


def test_a_mail_with_many_accounts_needs_few_queries(
    ada: User, django_assert_max_num_queries: object, settings: Settings
) -> None:
    make_macro(emails=[], notify_consenters=True)
    for _ in range(14):
        ending(5, person=ada)
    evaluate()

    with django_assert_max_num_queries(24):  # type: ignore[operator]  # a fixture without a public type
        mail_to("ada@example.com")


def test_of_a_mail_about_many_accounts_those_that_end_first_are_loaded_and_the_rest_is_a_number(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "LOADED", 3)
    make_macro(emails=[], notify_consenters=True)
    for days in (6, 2, 5, 1, 4, 3):
        ending(days, person=ada, name=f"Ends in {days}")
    dark = ending(20, person=ada, name="Dark")
    die(dark)
    moved = ending(1, person=ada, name="Moved")
    evaluate()
    move(moved, deadline=noon(TODAY + timedelta(days=60)))
    message = Message.objects.get(recipient=ada.email)

    found = still_said(message, now=NOW)
    mail = mail_to(ada.email)

    assert [one.account.name for one in found.warned] == ["Dark", "Ends in 1", "Ends in 2"]
    assert (found.further, found.dropped) == (4, {"deadline_moved"})
    assert "Ends in 6" not in mail.text
    assert Notice.objects.get(account=moved).outcome == "dropped"


@pytest.mark.parametrize("watch", ["account", "token"])
def test_what_a_mail_says_of_an_account_is_read_with_all_of_them(ada: User, watch: str) -> None:
    action = make_macro(emails=[], notify_consenters=True, watch=watch)
    teams, notices = [Team.default(), make_team()], list[Notice]()
    for number in range(8):
        other = make_person(f"zoe{number}@example.com", is_active=number % 4 != 1)
        account = ending(3 + number, person=other if number % 3 else ada, team=teams[number % 2])
        link(
            account, make_token(deadline=noon(TODAY + timedelta(days=40)), consented_by=ada), rank=number % 2
        )
        if number % 4 == 2:
            AccountToken.objects.filter(account=account).update(access="lost", access_reason="access_lost")
        if number % 4 == 3:
            die(account)
        settle(account)
        threshold = 0 if account.state == Account.State.DEACTIVATED else 30
        token = account.pool.latest("pk").token if watch == "token" and threshold else None
        facts = {"account": account, "token": token, "team": account.team, "cycle": account.cycle}
        notices.append(Notice(action=action, threshold=threshold, recipient=ada.email, **facts))

    counts = []
    for some in (notices[:4], notices):
        with CaptureQueriesContext(connection) as queries:
            mails.compose_mail(StillSaid(some), Message(kind="macro", recipient=ada.email), now=NOW)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] <= 9


@pytest.mark.parametrize("watch", ["account", "token"])
def test_people_of_other_teams_stay_nameless(ada: User, watch: str) -> None:
    make_macro(emails=[], notify_consenters=True, watch=watch)
    zoe = make_person("zoe@example.com", name="Zoe Secret")
    Membership.objects.create(user=zoe, team=make_team())
    account = ending(5, name="Shoes", person=zoe)
    link(account, make_token(deadline=NOW + timedelta(days=3), issued_at=None, consented_by=ada))
    Token.objects.filter(consented_by=zoe).update(native_user_name="Zoe Native")
    settle(account)

    mail = warned("ada@example.com")

    assert "someone in another team" in " ".join(mail.text.split())
    assert "Zoe" not in mail.subject + mail.text + mail.html
