"""The weekly digest: on Monday morning, one mail a person, of the own teams alone, and none where there is nothing to say."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account, AccountEvent
from macros import digest, digest_readers
from macros.models import DigestAddress, DigestStop, DigestSubscription
from notifications.kinds import NotWanted
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, reaches
from tests.macros.support import die, ending, make_person, settle
from tests.portal.support import staff
from tests.support.factories import NOW, link, make_account, make_team, make_token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 30, 6, 5, tzinfo=UTC)  # 07:05 in Berlin


def subscribed(user: User, *teams: Team, always: bool = False, lead: bool = False) -> None:
    for team in teams:
        role = Membership.Role.TEAM_LEAD if lead else Membership.Role.MEMBER
        Membership.objects.create(user=user, team=team, role=role)
    ids = [team.pk for team in teams]
    digest_readers.choose(
        user=user, own=[] if lead else ids, leads=ids if lead else [], always=always, now=NOW
    )


def written(now: datetime) -> list[str]:
    known = set(Message.objects.values_list("pk", flat=True))
    digest.write_if_due(now=now)
    return sorted(Message.objects.exclude(pk__in=known).values_list("recipient", flat=True))


@time_machine.travel(MONDAY, tick=False)
def test_who_leads_two_teams_gets_one_mail_of_both_and_of_no_other() -> None:
    lumen, fern, other = make_team("Lumen"), make_team("Fern"), make_team("Other")
    lea = make_person("lea@example.com", name="Lea Lead")
    subscribed(lea, lumen, fern, lead=True)
    ada = make_person("ada@example.com", name="Ada Stone")
    Membership.objects.create(user=ada, team=lumen)
    ending(12, name="Lumen Shoes", team=lumen, person=ada)
    ending(60, name="Later", team=lumen)
    ending(12, name="Foreign", team=other)
    dark = ending(20, name="Fern Gardens", team=fern)
    die(dark, MONDAY - 2 * DAY)
    moved = make_account(name="Moved", team=fern)
    tokens = [make_token(consented_by=make_person(), deadline=MONDAY + 90 * DAY) for _ in range(2)]
    for token in tokens:
        link(moved, token)
    settle(moved)
    AccountEvent.objects.create(
        account=moved, kind="shifted", from_token=tokens[0], token=tokens[1], at=MONDAY - DAY
    )

    to = written(MONDAY)
    mail = digest.build(Message.objects.get())

    text = " ".join(mail.text.split())
    assert to == ["lea@example.com"]
    assert mail.subject == "This week: one account went dark"
    assert "Lumen Shoes (Facebook, Lumen): Ada Stone" in text
    assert "Fern Gardens (Facebook, Fern)" in text
    assert "Lea, one account went dark. One account ends within 30 days." in text
    assert "Moved (Facebook, Fern)" in text
    assert "depend on one person each" in text
    assert "Foreign" not in text
    assert "Later" not in text
    assert written(MONDAY + timedelta(hours=1)) == []


def test_it_is_monday_morning_by_the_reader_s_clock() -> None:
    team = make_team("Lumen")
    here, far = make_person("here@example.com"), make_person("far@example.com", time_zone="America/New_York")
    subscribed(here, team)
    subscribed(far, team)

    early, morning, later = (written(MONDAY + timedelta(hours=n)) for n in (-1, 0, 6))
    next_week = written(MONDAY + 7 * DAY + timedelta(hours=6))

    assert (early, morning, later) == ([], ["here@example.com"], ["far@example.com"])
    assert next_week == ["far@example.com", "here@example.com"]


def test_a_monday_that_was_lost_is_made_up_for_on_the_next_morning_and_whoever_orders_later_gets_the_next() -> (
    None
):
    team = make_team("Lumen")
    here = make_person("here@example.com")
    subscribed(here, team)
    DigestAddress.objects.create(team=team, email="client@example.com", started_at=NOW)
    tuesday = MONDAY + DAY
    new = make_person("new@example.com")
    Membership.objects.create(user=new, team=team)
    digest_readers.choose(user=new, own=[team.pk], leads=[], always=False, now=tuesday)

    night, morning, later, sunday, next_week = (
        written(tuesday + timedelta(hours=hours)) for hours in (-3, 0, 1, 5 * 24, 6 * 24)
    )

    assert (night, later, sunday) == ([], [], [])
    assert morning == ["client@example.com", "here@example.com"]
    assert next_week == ["client@example.com", "here@example.com", "new@example.com"]


def test_whoever_became_a_person_after_monday_or_is_none_any_longer_does_not_get_the_week_s_digest_again() -> (
    None
):
    team = make_team("Lumen")
    further(team, "client@example.com", "left@example.com")
    left = make_person("left@example.com")

    monday = written(MONDAY)
    make_person("client@example.com")
    left.delete()
    tuesday, next_week = written(MONDAY + DAY), written(MONDAY + 7 * DAY)

    assert monday == next_week == ["client@example.com", "left@example.com"]
    assert tuesday == []


def test_what_can_be_backed_up_at_once_is_counted_as_the_list_behind_its_button_has_it(
    client: Client, settings: Settings
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    teams = [make_team(name) for name in ("Lumen", "Fern", "Other")]
    reader = staff(client, team=teams[0])
    for team in teams:
        emil = log_in(f"Emil of {team}", team=team)
        for number, name in enumerate(("One", "Two")):
            account = carried(log_in(f"Ada of {team} {number}", team=team), name=name, team=team)
            if team == teams[0] or number:  # nobody reaches the first one of the others
                reaches(emil, account)
        stopped = log_in(f"Lea of {team}", team=team, state="dead")
        reaches(emil, carried(stopped, name=f"Dark of {team}", team=team))
    for team in teams:
        Membership.objects.get_or_create(
            user=reader, team=team
        )  # sees all three, and ordered the digest of two
    digest_readers.choose(user=reader, own=[one.pk for one in teams[:2]], leads=[], always=False, now=NOW)

    mail = digest.would_say(address=reader.email, teams=[one.pk for one in teams[:2]])
    assert mail is not None
    buttons = re.findall(r"http://\S+/admin/accounts/account/\?\S+", mail.text)
    dark, listed = (client.get(one.partition(settings.BASE_URL)[2]) for one in buttons)

    text = " ".join(mail.text.split())
    assert "4 accounts depend on one person each" in text
    assert "3 of them can be backed up at once" in text
    assert {one.team for one in listed.context["cl"].result_list} == set(teams[:2])
    assert listed.context["found"] == "3"
    assert "Dark of Lumen (Facebook, Lumen): Emil of Lumen" in text
    assert "2 accounts are deactivated, and colleagues’ log-ins reach them already" in text
    assert {one.name for one in dark.context["cl"].result_list} == {"Dark of Lumen", "Dark of Fern"}
    assert "Team: Fern, Lumen" in listed.text


@time_machine.travel(MONDAY, tick=False)
def test_a_quiet_week_is_mailed_to_those_alone_who_asked_for_it() -> None:
    quiet, asked, gone = (make_person(f"{name}@example.com") for name in ("quiet", "asked", "gone"))
    team = make_team("Lumen")
    subscribed(quiet, team)
    subscribed(asked, team, always=True)
    subscribed(gone, team, always=True)
    written(MONDAY)
    Membership.objects.filter(user=gone).delete()

    mail = digest.build(Message.objects.get(recipient="asked@example.com"))

    assert mail.subject == "This week: nothing ends and nothing stopped"
    with pytest.raises(NotWanted, match="nothing to say this week"):
        digest.build(Message.objects.get(recipient="quiet@example.com"))
    with pytest.raises(NotWanted, match="no longer in the team"):
        digest.build(Message.objects.get(recipient="gone@example.com"))
    assert "gone@example.com" not in written(MONDAY + 7 * DAY)


def test_one_chooses_on_a_page_and_only_who_leads_chooses_for_the_leads() -> None:
    lumen, fern, other = make_team("Lumen"), make_team("Fern"), make_team("Other")
    lea = make_person("lea@example.com")
    Membership.objects.create(user=lea, team=lumen, role=Membership.Role.TEAM_LEAD)
    Membership.objects.create(user=lea, team=fern)
    client, page = Client(), reverse("weekly_digest")
    client.force_login(lea, backend="django.contrib.auth.backends.ModelBackend")
    everything = [team.pk for team in (lumen, fern, other)]

    shown = client.get(page).content.decode()
    before = DigestSubscription.objects.count()
    client.post(page, {"own": everything, "leads": everything, "always": "1"})
    rows = set(DigestSubscription.objects.values_list("team", "user", "always"))
    client.post(page, {"leads": [lumen.pk]})

    assert "All leads of Lumen" in shown
    assert "All leads of Fern" not in shown
    assert "Other" not in shown
    assert before == 0
    assert rows == {(lumen.pk, lea.pk, True), (fern.pk, lea.pk, True), (lumen.pk, None, True)}
    last = DigestSubscription.objects.get()
    assert (last.team, last.user, last.always) == (lumen, None, False)
    assert Client().get(page).status_code == 302
    assert Account.objects.count() == 0


def further(team: Team, *emails: str) -> None:
    boss = make_person(f"boss{User.objects.count()}@example.com")
    digest_readers.set_further(team=team, emails=emails, actor=boss, now=NOW)


@time_machine.travel(MONDAY, tick=False)
def test_a_further_address_gets_one_mail_of_its_teams_and_stops_it_by_the_link_without_a_log_in() -> None:
    lumen, fern, other = make_team("Lumen"), make_team("Fern"), make_team("Other")
    for team in (lumen, fern):
        further(team, "Director@Client.example")
        ending(12, name=f"Shop of {team}", team=team, person=make_person(name="Ada Stone"))
    ending(12, name="Foreign", team=other)
    subscribed(make_person("ada@example.com"), lumen)

    to = written(MONDAY)
    message = Message.objects.get(recipient="director@client.example")
    mail = digest.build(message)
    link, page = mail.headers["List-Unsubscribe"].strip("<>"), Client(enforce_csrf_checks=True)
    asked = page.get(link).text
    before = DigestStop.objects.count()
    page.post(link, {"List-Unsubscribe": "One-Click"})
    stopped = page.get(link).text

    assert to == ["ada@example.com", "director@client.example"]
    text = " ".join(mail.text.split())
    assert "Shop of Lumen (Facebook, Lumen): Ada Stone" in text
    assert "Shop of Fern (Facebook, Fern)" in text
    assert "Foreign" not in text
    assert "Open AdToken" not in text
    assert "the teams Fern, Lumen have their weekly digest sent to you" in text
    assert link in mail.text
    assert link not in f"{mail.stored_text}{mail.stored_html}"
    assert "Stop the weekly digest?" in asked
    assert before == 0
    assert "gets no more digests of the teams Fern, Lumen" in stopped
    assert "director@client.example" not in written(MONDAY + 7 * DAY)
    with pytest.raises(NotWanted, match="The reader stopped the digest"):
        digest.build(message)
    Client().post(link.replace("stop-digest", "start-digest"))
    assert "director@client.example" in written(MONDAY + 14 * DAY)


@time_machine.travel(MONDAY, tick=False)
def test_a_lead_who_stops_the_leads_digest_stops_it_for_herself_alone_and_orders_it_again() -> None:
    team = make_team("Lumen")
    lea, lou = make_person("lea@example.com"), make_person("lou@example.com")
    subscribed(lea, team, lead=True)
    Membership.objects.create(user=lou, team=team, role=Membership.Role.TEAM_LEAD)
    ending(12, team=team)
    written(MONDAY)

    digest_readers.stop(Message.objects.get(recipient=lea.email), now=MONDAY)
    next_week = written(MONDAY + 7 * DAY)
    digest_readers.choose(user=lea, own=[team.pk], leads=[team.pk], always=False, now=MONDAY)

    assert next_week == [lou.email]
    assert written(MONDAY + 14 * DAY) == [lea.email, lou.email]


@time_machine.travel(MONDAY, tick=False)
def test_one_reads_what_it_would_say_now_and_has_it_sent() -> None:
    team = make_team("Lumen")
    mia = make_person("mia@example.com")
    Membership.objects.create(user=mia, team=team)
    ending(12, name="Lumen Shoes", team=team)
    ending(12, name="Foreign")
    client, page = Client(), reverse("weekly_digest_now")
    client.force_login(mia, backend="django.contrib.auth.backends.ModelBackend")

    shown, framed = client.get(page).text, client.get(reverse("weekly_digest_now_mail")).text
    before = Message.objects.count()
    said = [client.post(page, follow=True).text for _ in range(6)]

    mail = digest.build(Message.objects.earliest("pk"))
    assert "This week: one account ends within 30 days" in shown
    assert "Lumen Shoes" in framed
    assert "Foreign" not in framed
    assert before == 0
    assert ["on its way to mia@example.com" in one for one in said] == [True] * 5 + [False]
    assert Message.objects.count() == 5
    assert "you asked to have the weekly digest sent to you now" in " ".join(mail.text.split())
    assert not DigestSubscription.objects.exists()


@time_machine.travel(MONDAY, tick=False)
def test_staff_of_the_team_alone_say_who_else_gets_it(client: Client, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    mine, foreign = make_team("Lumen"), make_team("Fern")
    ending(12, name="Lumen Shoes", team=mine)
    user = staff(client, "macros.set_digest_addresses", "users.view_team", team=mine)
    url = {team: reverse("admin:users_team_digest", args=[team.pk]) for team in (mine, foreign)}

    asked = client.get(url[mine]).text
    wrong = client.post(url[mine], {"emails": "not an address"}).text
    client.post(url[mine], {"emails": "Director@client.example, cfo@client.example"})
    client.post(url[mine], {"emails": "director@client.example"})
    shown = client.get(reverse("admin:users_team_change", args=[mine.pk])).text
    preview = client.get(reverse("admin:users_team_digest_mail", args=[mine.pk])).text

    assert "Who else gets the weekly digest of Lumen?" in asked
    assert "is not a complete e-mail address" in wrong
    assert list(DigestAddress.objects.values_list("email", "added_by")) == [
        ("director@client.example", user.pk)
    ]
    assert LogEntry.objects.filter(change_message__contains="cfo@client.example").count() == 2
    assert "director@client.example" in shown
    assert url[mine] in shown
    assert "Lumen Shoes" in preview
    assert client.get(url[foreign]).status_code == 404
    staff(client, "users.view_team", team=mine)
    assert client.get(url[mine]).status_code == 403
    assert url[mine] not in client.get(reverse("admin:users_team_change", args=[mine.pk])).text


@time_machine.travel(MONDAY, tick=False)
def test_one_that_waited_is_not_sent_to_who_orders_it_no_longer_or_no_longer_leads() -> None:
    team, other = make_team("Lumen"), make_team("Other")
    lea, mia = make_person("lea@example.com"), make_person("mia@example.com")
    subscribed(lea, team, lead=True)
    subscribed(mia, team, other)
    ending(12, name="Lumen Shoes", team=team)
    ending(12, name="Elsewhere", team=other)
    assert written(MONDAY) == [lea.email, mia.email]
    to_lea, to_mia = (Message.objects.get(recipient=one.email) for one in (lea, mia))
    lea.memberships.update(role=Membership.Role.MEMBER)
    digest_readers.choose(user=mia, own=[team.pk], leads=[], always=False, now=MONDAY)

    mail = digest.build(to_mia)
    digest_readers.choose(user=mia, own=[], leads=[], always=False, now=MONDAY)

    assert "Lumen Shoes" in mail.text
    assert "Elsewhere" not in mail.text
    for message in (to_lea, to_mia):
        with pytest.raises(NotWanted, match="no longer ordered"):
            digest.build(message)
