"""A person, or an address, is told nothing of any account for a while: by no macro, whatever tells; and what follows from that."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, AccountNews
from macros.at_once import services as at_once
from macros.models import MacroAction, Mute, Notice, Told
from macros.mutes import acknowledgements, services
from macros.mutes.mails import sign_message
from macros.warnings import mails
from macros.why import queries as why
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.macros.news import (
    HOUR,
    MINUTE,
    SOON,
    linked,
    listed,
    log_in,
    person,
    restrict,
    revive,
    send,
    tells,
)
from tests.macros.news import die as stop
from tests.macros.support import TODAY, WATCHER, die, ending, make_macro, make_person
from tests.macros.test_links_in_mails import evaluate, lead_of
from tests.macros.test_quiet import sent
from tests.portal.test_macros import browser, staff
from tests.support.factories import NOW, make_team
from users.models import Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY = timedelta(days=1)
OTHER = "other@example.com"


def lose(account: Account, now: datetime = NOW) -> None:
    """The person of its only log-in loses the role there."""
    listed(account.pool.get().token, [], now)


def away(email: str = WATCHER, days: int = 5) -> Mute:
    return services.mute_all(email=email, until=TODAY + days * DAY, now=NOW)


def test_who_snoozed_all_is_told_nothing_by_any_macro_and_what_was_missed_when_it_is_over() -> None:
    soon, stopping, later = ending(7, name="Soon"), ending(60, name="Stops"), ending(7, name="Later")
    macro = tells("deactivated", "shifted", emails=[WATCHER, OTHER], days=[7, 3])
    MacroAction.objects.create(
        macro=macro, kind="escalated", emails=[WATCHER], notify_consenters=False, after=2
    )
    away()
    first = evaluate()
    die(stopping)
    at_once.tell_news(SOON)
    acknowledgements.acknowledge(deadlines=acknowledgements.deadlines_on(later), email=OTHER, now=NOW)

    escalated, meanwhile = evaluate(2), set(Notice.objects.values_list("recipient", flat=True))
    over = evaluate(5)

    assert (first, escalated) == (
        [OTHER],
        ["ops@example.com"],
    )  # who was to be told next is away, so an operator is
    assert meanwhile == {OTHER, "ops@example.com"}
    assert WATCHER in over
    told = set(Notice.objects.filter(recipient=WATCHER).values_list("account", "threshold"))
    assert {(soon.pk, 3), (stopping.pk, 0)} <= told


def test_where_nobody_else_would_be_told_the_next_in_line_is(settings: Settings) -> None:
    account = ending(5)
    make_macro(emails=[WATCHER], days=[7])
    away()
    settings.OPERATOR_EMAILS = []
    nobody = evaluate()
    lead_of(account)

    assert nobody == []
    assert evaluate() == ["lead@example.com"]
    assert Notice.objects.get().via == "team_lead"


def test_a_macro_that_only_tells_at_once_tells_what_went_dark_meanwhile_the_morning_that_it_ends() -> None:
    account, before = linked(log_in(None), name="Dark"), linked(log_in(None), name="Before")
    last = linked(log_in(None), name="In the last night")
    macro = tells("deactivated", emails=[WATCHER, OTHER])
    macro.actions.filter(kind="pre_deactivation").delete()
    stop(before.pool.get().token, NOW - DAY)
    at_once.tell_news(NOW - DAY + MINUTE)
    send(NOW - DAY + MINUTE)
    away()
    stop(account.pool.get().token)
    at_once.tell_news(SOON)
    meanwhile = set(
        Told.objects.filter(account=account, kind="deactivated").values_list("recipient", flat=True)
    )
    send()
    end = NOW.replace(hour=0, minute=30) + 5 * DAY

    stop(last.pool.get().token, end - MINUTE)
    at_once.tell_news(end)
    night = set(Told.objects.filter(account=last, kind="deactivated").values_list("recipient", flat=True))
    send(end + MINUTE)
    morning = end + timedelta(hours=5, minutes=30)  # 7 in Berlin

    assert meanwhile == night == {OTHER}
    assert at_once.tell_news(morning + MINUTE) == 1
    assert Told.objects.filter(recipient=WATCHER, account=last, kind="deactivated").count() == 1
    assert Told.objects.filter(recipient=WATCHER, account=account, kind="deactivated").count() == 1
    assert Told.objects.filter(recipient=OTHER, account=account).count() == 1
    assert not Mute.objects.running().exists()


def test_a_macro_that_was_made_since_and_one_that_told_it_do_not_tell_a_restriction_when_anybody_s_snooze_ends() -> (
    None
):
    tells("restricted", emails=[OTHER])
    account = linked(log_in(person("Eve")), name="Restricted")
    away()
    restrict(account, "Spending limit", NOW + 2 * MINUTE)
    at_once.tell_news(NOW + 10 * MINUTE)
    first = [one.split(":")[0] for one in send(NOW + 20 * MINUTE)]
    tells("restricted", emails=[OTHER, WATCHER], created_at=NOW + HOUR)
    tells("restricted", emails=[OTHER, WATCHER])

    services.end_all(email=WATCHER, by=None, now=NOW + 3 * HOUR)
    at_once.tell_news(NOW + 3 * HOUR + MINUTE)
    send(NOW + 4 * HOUR)

    assert first.count(OTHER) == 1
    told = Told.objects.filter(outcome="mailed", action__isnull=False).order_by("recipient")
    assert list(told.values_list("recipient", flat=True)) == sorted([OTHER, WATCHER])


def test_what_is_added_to_an_old_macro_tells_nothing_of_before() -> None:
    old = make_macro(emails=[OTHER]).macro
    tells("restricted", emails=["other.desk@example.com"])
    account = linked(log_in(person("Eve")), name="Restricted")
    away()
    restrict(account, "Spending limit", NOW + 2 * MINUTE)
    at_once.tell_news(NOW + 10 * MINUTE)
    added = {"kind": "restricted", "emails": [OTHER], "notify_consenters": False}
    MacroAction.objects.create(macro=old, created_at=NOW + HOUR, **added)

    services.end_all(email=WATCHER, by=None, now=NOW + 3 * HOUR)
    at_once.tell_news(NOW + 3 * HOUR + MINUTE)
    of_before = Told.objects.filter(recipient=OTHER).count()
    restrict(account, "", NOW + 4 * HOUR)
    restrict(account, "An unpaid bill", NOW + 5 * HOUR)
    at_once.tell_news(NOW + 5 * HOUR + 10 * MINUTE)

    assert of_before == 0
    assert Told.objects.filter(recipient=OTHER, action__macro=old).count() == 1


def test_the_press_that_ends_a_snooze_looks_at_no_account_and_a_sweep_does() -> None:
    tells("restricted")
    account = linked(log_in(person("Eve")), name="Restricted")
    away()
    restrict(account, "Spending limit", NOW + 2 * MINUTE)
    at_once.tell_news(NOW + 10 * MINUTE)

    services.end_all(email=WATCHER, by=None, now=NOW + 3 * HOUR)

    assert not AccountNews.objects.exists()
    at_once.tell_news(NOW + 3 * HOUR + MINUTE)
    assert Told.objects.filter(recipient=WATCHER).exists()


def test_mails_that_wait_and_news_leave_out_whoever_is_away_now() -> None:
    ending(7)
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben)
    tells("shifted", emails=[WATCHER])
    stop(ada)
    away()
    at_once.tell_news(SOON)

    with pytest.raises(NotWanted, match="This person snoozed all warnings"):
        mails.build_mail(Message.objects.get(kind="macro"))

    by_macro = Told.objects.filter(action__isnull=False)
    assert set(by_macro.values_list("recipient", "via")) == {("ops@example.com", "operator")}


def test_why_not_says_it() -> None:
    account = ending(7, person=make_person("ada@example.com", name="Ada Okafor"))
    email = "ada@example.com"

    away(email)

    said = [line.text for line in why.about_address(why.what_is_asked(account, email))]
    assert any("Snoozed all warnings until" in text for text in said)


def test_by_the_mail_and_on_the_own_page_and_staff_who_manage_the_person_end_it() -> None:
    ending(7)
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    sent()
    anybody, page = Client(), reverse("answer_mail", args=[sign_message(Message.objects.get())])
    day = (TODAY + 5 * DAY).isoformat()
    asked = anybody.get(page).content.decode()
    noted = anybody.post(page, {"do": "mute", "all": "1", "until": day}, follow=True).content.decode()
    by_mail = services.mute_of_person(WATCHER)
    anybody.post(page, {"do": "mail_again"})
    ada = staff(email="ada@example.com", name="Ada Okafor")
    User.objects.filter(pk=ada.pk).update(is_staff=False)
    ada.refresh_from_db()
    own = browser(ada)
    profile, mine = reverse("profile"), reverse("snooze_my_mails")
    shown_links, refused = own.get(profile).content.decode(), own.post(mine, {"until": TODAY.isoformat()})
    own.post(mine, {"until": day})
    shown = own.get(mine).content.decode()
    own.post(mine, {"again": "1"})
    over = services.mute_of_person(ada.email)
    own.post(mine, {"until": day})
    may = ("macros.snooze_account", "users.view_user", "users.change_user")
    lead = browser(staff(*may, email="lea@example.com", name="Lea Lead"))
    foreign = browser(staff(*may, email="out@example.com", team=make_team("Fern")))
    looks = browser(staff("users.view_user", email="look@example.com"))
    end = f"{reverse('admin:macros_mute_end')}?mute={Mute.objects.running().get().pk}"
    seen = [client.get(end).status_code for client in (lead, foreign, looks)]
    person_page = " ".join(
        lead.get(reverse("admin:users_user_change", args=[ada.pk])).content.decode().split()
    )
    lead.post(end)

    assert "All accounts" in asked
    assert f"{WATCHER} gets no warnings of any account until <b>Mon 30 Nov 2026</b>" in noted
    assert by_mail is not None
    assert mine in shown_links
    assert refused.status_code == 400
    assert "You get no warnings until <b>Mon 30 Nov 2026</b>" in shown
    assert over is None
    assert seen == [200, 404, 403]
    assert "No macro mails this person until Mon 30 Nov 2026" in person_page
    assert end in person_page
    assert not Mute.objects.running().exists()
    assert LogEntry.objects.filter(object_id=str(ada.pk)).count() == 4
    assert Team.default().memberships.filter(user=ada).exists()


def test_who_snoozed_hears_of_no_restriction_until_it_is_over_and_somebody_else_stands_in() -> None:
    ada, ben = person("Ada"), person("Ben")
    alone, shared = linked(log_in(ada), name="Alone"), linked(log_in(ada), log_in(ben), name="Shared")
    away(lead_of(alone).email)
    away(ada.email)
    for account in (alone, shared):
        restrict(account, "Spending limit")
    at_once.tell_news(NOW + 2 * MINUTE)
    meanwhile = send(NOW + 2 * MINUTE)

    services.end_all(email=ada.email, by=None, now=NOW + HOUR)
    at_once.tell_news(NOW + HOUR + MINUTE)
    at_once.tell_news(NOW + HOUR + 2 * MINUTE)
    over = send(NOW + HOUR + 2 * MINUTE)
    away(ada.email)
    for account in (alone, shared):
        restrict(account, "", NOW + 2 * HOUR)
    at_once.tell_news(NOW + 3 * HOUR)

    assert meanwhile == [
        f"{ben.email}: Facebook has restricted Shared",
        "ops@example.com: Facebook has restricted Alone",
    ]
    assert over == [f"{ada.email}: Facebook has restricted Alone (+1 more)"]
    assert {one.split(":")[0] for one in send(NOW + 3 * HOUR)} == {ben.email, "ops@example.com"}


def test_a_mail_of_a_restriction_that_waits_as_its_reader_snoozes_is_told_to_who_stands_in_and_later_to_them() -> (
    None
):
    ada = person("Ada")
    account = linked(log_in(ada), name="Alone")
    lead_of(account)
    restrict(account, "Spending limit")
    at_once.tell_news(NOW + 2 * MINUTE)
    until = TODAY + 5 * DAY
    services.mute_accounts(accounts=[account], email=ada.email, until=until, now=SOON)

    kept_back = send(NOW + 2 * MINUTE)
    at_once.tell_news(NOW + HOUR)
    stood_in = send(NOW + HOUR)
    services.end_mutes(mutes=Mute.objects.running().filter(account=account), by=None, now=NOW + 2 * HOUR)
    at_once.tell_news(NOW + 2 * HOUR + MINUTE)
    at_once.tell_news(NOW + 2 * HOUR + MINUTE)

    assert kept_back == []
    assert Message.objects.filter(recipient=ada.email, state="cancelled").count() == 1
    assert stood_in == ["lead@example.com: Facebook has restricted Alone"]
    assert send(NOW + 3 * HOUR) == [f"{ada.email}: Facebook has restricted Alone"]


def test_who_stood_in_or_was_told_by_a_macro_hears_in_a_snooze_of_no_end_and_whose_log_in_it_is_does() -> (
    None
):
    tells("deactivated", emails=[WATCHER])
    ada = person("Ada", is_active=False)
    ben = person("Ben")
    gone, own = linked(log_in(ada), name="Gone"), linked(log_in(ben), name="Own")
    lead = lead_of(gone)
    for account in (gone, own):
        stop(account.pool.get().token)
    at_once.tell_news(SOON)
    told = {one.split(":")[0] for one in send()}
    for one in (lead.email, ben.email, WATCHER):
        away(one)
    for account in (gone, own):
        revive(account, NOW + HOUR)

    at_once.tell_news(NOW + 2 * HOUR)

    assert told == {lead.email, ben.email, WATCHER}
    assert send(NOW + 2 * HOUR) == [f"{ben.email}: Own works again"]


def test_who_snoozed_hears_of_no_role_that_somebody_else_lost_until_it_is_over_and_the_person_does() -> None:
    ada = person("Ada")
    account, later = linked(log_in(ada), name="Fern"), linked(log_in(ada), name="Later")
    lead = lead_of(account)
    away(ada.email)
    away(lead.email)
    lose(account)
    at_once.tell_news(NOW + 2 * MINUTE)
    first = send(NOW + 2 * MINUTE)
    services.end_all(email=lead.email, by=None, now=NOW + HOUR)
    at_once.tell_news(NOW + HOUR + MINUTE)
    at_once.tell_news(NOW + HOUR + 2 * MINUTE)
    over = send(NOW + HOUR + 2 * MINUTE)
    lose(later, NOW + 3 * HOUR)
    at_once.tell_news(NOW + 3 * HOUR + 2 * MINUTE)
    away(lead.email)  # the mail to the lead is written by then

    kept_back = {one.split(":")[0] for one in send(NOW + 3 * HOUR + 2 * MINUTE)}
    at_once.tell_news(NOW + 5 * HOUR)

    assert [one.split(":")[0] for one in first] == [ada.email, "ops@example.com"]
    assert [one.split(":")[0] for one in over] == [lead.email]
    assert kept_back == {ada.email}
    assert {one.split(":")[0] for one in send(NOW + 5 * HOUR)} == {"ops@example.com"}


def test_the_days_of_a_snooze_are_the_installation_s_wherever_its_reader_is() -> None:
    night = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)  # the 27th in Berlin, the 26th in Los Angeles

    with timezone.override("America/Los_Angeles"), time_machine.travel(night, tick=False):
        days = (services.first_day(night), services.proposed_day(night, days=7))
        with pytest.raises(services.MuteRefusal):
            services.mute_all(email=WATCHER, until=date(2026, 11, 27), now=night)
        made = services.mute_all(email=WATCHER, until=date(2026, 11, 28), now=night)
        at_once.tell_news(night + DAY)
        made.refresh_from_db()

    assert days == (date(2026, 11, 28), date(2026, 12, 4))
    assert made.ended_at is None
