"""What staff do with macros beside the form: a test to oneself, changes before they are saved, what it sent, many at once."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account
from macros import evaluation, trying
from macros.models import Evaluation, Macro, MacroAction, NewsNotice, Notice
from notifications import kinds
from notifications.models import Message
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import die, ending, make_macro, make_person, settle
from tests.portal.test_macros import (
    FORM,
    _at_noon,  # noqa: F401  # for every test here
    browser,
    change,
    mira,  # noqa: F401  # a fixture
    save_seen,
    staff,
)
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token
from ui import kept
from users.models import Membership, Team

pytestmark = pytest.mark.django_db


def words(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_a_test_goes_to_who_presses_alone_about_an_account_of_theirs_and_tells_nothing() -> None:
    ending(3, name="Foreign", team=make_team())
    ending(9, name="Own")
    macro = make_macro(days=[30, 7]).macro
    macro.team = Team.default()
    macro.save()
    lead = staff("macros.view_macro", "macros.change_macro", email="lead@example.com")
    address = reverse("admin:macros_macro_test", args=[macro.pk])
    client = browser(lead)

    asked = client.get(address)
    assert not Message.objects.exists()
    for _ in range(trying.MOST + 1):
        last = client.post(address, follow=True)

    assert "lead@example.com" in asked.content.decode()
    assert set(Message.objects.values_list("kind", "recipient")) == {("macro_test", "lead@example.com")}
    assert Message.objects.count() == trying.MOST
    assert "You had 5 tests within the hour" in last.content.decode()
    mail = kinds.KINDS["macro_test"].build(Message.objects.all()[0])
    assert mail.subject.startswith("[Test] Own stops in 7 days")
    assert "This is a test. You alone got it, and nothing counts as told." in " ".join(mail.text.split())
    assert "Foreign" not in mail.text + mail.html
    assert not mail.headers
    assert not Notice.objects.exists()
    Message.objects.update(created_at=NOW - timedelta(hours=2))
    client.post(address)
    assert Message.objects.count() == trying.MOST + 1


def test_a_test_needs_an_account_to_show_and_who_may_not_change_the_macro_gets_none() -> None:
    macro = make_macro(days=[7]).macro
    macro.team = Team.default()
    macro.save()
    address = reverse("admin:macros_macro_test", args=[macro.pk])

    nothing = browser(staff("macros.view_macro", "macros.change_macro")).post(address, follow=True)
    refused = browser(staff("macros.view_macro")).post(address)
    foreign = browser(staff("macros.view_macro", "macros.change_macro", team=make_team())).post(address)

    assert "there is no mail to show" in nothing.content.decode()
    assert (refused.status_code, foreign.status_code) == (403, 404)
    assert not Message.objects.exists()
    die(ending(3))
    browser(staff("macros.view_macro", "macros.change_macro")).post(address)
    assert "deactivated" in kinds.KINDS["macro_test"].build(Message.objects.get()).subject


def test_a_test_shows_each_kind_of_mail_or_those_that_are_ticked() -> None:
    ada, ben = (make_person(name=name) for name in ("Ada Berg", "Ben Okafor"))
    for one in (ada, ben):
        Membership.objects.create(user=one, team=Team.default())
    account = ending(9, name="Own", person=ada)
    link(account, make_token(make_app(), consented_by=ben))
    settle(account)
    macro = make_macro(days=[30, 7]).macro
    macro.team = Team.default()
    macro.save()
    for kind in ("deactivated", "shifted", "recovered", "restricted", "few_people"):
        MacroAction.objects.create(
            macro=macro, kind=kind, emails=["w@example.com"], people=3 if kind == "few_people" else None
        )
    address = reverse("admin:macros_macro_test", args=[macro.pk])
    lead = staff("macros.view_macro", "macros.change_macro", email="lead@example.com")
    client = browser(lead)
    offered = re.findall(r'name="mails" value="(\w+)"[^>]* checked', client.get(address).content.decode())

    unticked = client.post(address)
    client.post(address, {"mails": ["shifted"]})
    ticked = set(Message.objects.values_list("payload__action", flat=True))
    said = client.post(address, {"mails": offered}, follow=True).content.decode()

    assert len(offered) == 6
    assert "field" in unticked.content.decode()
    assert ticked == {"shifted"}
    assert "6 tests are on their way to lead@example.com" in said
    built = {row.payload["action"]: kinds.KINDS["macro_test"].build(row) for row in Message.objects.all()}
    assert {kind: mail.subject for kind, mail in built.items()} == {
        "pre_deactivation": "[Test] Own stops in 7 days: waiting for Ada Berg",
        "deactivated": "[Test] Own is deactivated: waiting for Ada Berg",
        "shifted": "[Test] Own goes on through Ada Berg",
        "recovered": "[Test] Own works again",
        "restricted": "[Test] Facebook has restricted Own",
        "few_people": "[Test] Only two people can carry Own",
    }
    for mail in built.values():
        assert "This is a test. You alone got it, and nothing counts as told." in " ".join(mail.text.split())
        assert not mail.headers
    assert not Notice.objects.exists()
    assert not NewsNotice.objects.exists()


def test_many_are_never_deleted_at_once(mira: Client) -> None:  # noqa: F811  # the fixture
    macro = make_macro().macro

    listed = mira.get("/admin/macros/macro/").content.decode()
    mira.post(
        "/admin/macros/macro/",
        {"action": "delete_selected", "_selected_action": [macro.pk], "post": "yes"},
    )

    assert "Switch off" in listed
    assert "delete_selected" not in listed
    assert Macro.objects.exists()


def test_what_an_edit_changes_is_shown_before_it_is_saved(mira: Client) -> None:  # noqa: F811  # the fixture
    near = ending(40, name="Near")
    for days in (5, 12):
        ending(days)
    action = make_macro(emails=["old@lumen.example"], days=[7], accounts=[near])
    form = FORM | {"name": action.macro.name, "emails": "new@lumen.example", "linkers": "", "days": "7"}

    first = mira.post(change(action.macro), form).content.decode()
    beside = mira.post(
        f"{reverse('admin:macros_macro_preview')}?macro={action.macro.pk}", form
    ).content.decode()
    unchanged = Macro.objects.get().actions.get().emails
    saved = save_seen(mira, action.macro, form)

    said = words(first)
    assert "Nothing is saved yet. Look at what changes, then save it." in said
    assert "Due, next 30 days 2 mails, before: 0" in said
    assert "Told from now on new@lumen.example" in said
    assert "No longer told old@lumen.example" in said
    assert "What changes" in words(beside)
    assert unchanged == ["old@lumen.example"]
    assert "Macro saved" in saved.content.decode()
    assert Macro.objects.get().actions.get().emails == ["new@lumen.example"]


def test_a_new_name_alone_is_saved_at_once(mira: Client) -> None:  # noqa: F811  # the fixture
    action = make_macro(emails=["old@lumen.example"], days=[7])
    form = FORM | {"name": "Renamed", "emails": "old@lumen.example", "linkers": "", "days": "7"}

    mira.post(change(action.macro), form)

    assert Macro.objects.get().name == "Renamed"


def test_the_page_lists_what_the_macro_sent_as_far_as_the_viewer_sees_it() -> None:
    team = make_team("Lumen")
    ending(3, name="Ours", team=team)
    ending(3, name="Theirs", team=make_team("Fern"))
    macro = make_macro(days=[7]).macro
    evaluation.evaluate(now=NOW)
    Message.objects.update(state="sent", sent_at=NOW)
    for message in Message.objects.select_related("team"):
        Message.objects.filter(pk=message.pk).update(subject=f"About {message.team}")
    Notice.objects.update(outcome=Notice.Outcome.MAILED)
    viewer = staff("macros.view_macro", "macros.change_macro", "notifications.view_message", team=team)

    seen = browser(viewer).get(change(macro)).content.decode()
    Evaluation.objects.update(started_at=NOW - timedelta(days=31))
    none = browser(viewer).get(change(macro)).content.decode()

    part = seen.split("What it sent in the last 30 days")[1].split("</section>")[0]
    assert re.findall(r"About \w+", part) == ["About Lumen"]
    assert "What it sent in the last 30 days" not in none


def test_many_are_switched_and_given_with_an_entry_each_and_foreign_ones_are_left_out() -> None:
    team = make_team("Lumen")
    lead = staff("macros.view_macro", "macros.change_macro", team=team, name="Lea Lead")
    left = make_person("left@example.com", name="Lou Left", is_active=False)
    made = [make_macro().macro for _ in range(3)]
    Macro.objects.filter(pk__in=[one.pk for one in made[:2]]).update(team=team, owner=left)
    ids = ",".join(str(one.pk) for one in made)
    looks = staff("macros.view_macro", team=team, name="Vi View")
    staff("macros.view_macro", "macros.change_macro", team=make_team("Fern"), name="Olga Other")
    client = browser(lead)

    listed = client.get("/admin/macros/macro/?owner=gone").content.decode()
    led = client.post(
        "/admin/macros/macro/", {"action": "switch_off", "_selected_action": [one.pk for one in made]}
    )
    asked = client.get(led["Location"]).content.decode()
    before = list(Macro.objects.filter(enabled=True).values_list("pk", flat=True))
    off = client.post(f"/admin/macros/macro/bulk/off/?ids={ids}", {"note": "Holiday."}, follow=True)
    to = f"/admin/macros/macro/bulk/owner/?ids={ids}"
    offered = [one.get(to).content.decode() for one in (client, browser(staff(team=team, is_superuser=True)))]
    client.post(to, {"owner": looks.pk})
    given = Macro.objects.filter(owner=looks).exists()
    owner = client.post(to, {"owner": lead.pk}, follow=True)

    assert "(switched off)" in listed
    assert "Skipped: it is about teams that are not yours" in asked
    assert len(before) == 3
    assert "2 macros switched off." in off.content.decode()
    assert not given  # may not change them
    assert ["Lea Lead" in page for page in offered] == [True, False]  # one of the three is of all teams
    assert not any(name in page for name in ("Vi View", "Olga Other") for page in offered)
    assert "2 macros belong to Lea Lead now." in owner.content.decode()
    rows = list(Macro.objects.order_by("pk").values_list("enabled", "owner"))
    assert rows == [(False, lead.pk), (False, lead.pk), (True, None)]
    texts = list(map(kept.said, LogEntry.objects.order_by("pk").values_list("change_message", flat=True)))
    assert len(texts) == 4
    assert texts[0].endswith("Holiday.")
    refused = browser(staff("macros.view_macro", team=team)).post(f"/admin/macros/macro/bulk/on/?ids={ids}")
    assert refused.status_code == 403
    client.post(f"/admin/macros/macro/bulk/on/?ids={ids}", {})
    assert Macro.objects.filter(enabled=True).count() == 3
    assert Account.objects.count() == 0


def test_all_that_match_are_switched_off_whatever_their_number_and_what_nobody_watches_then_is_said_and_led_to() -> (
    None
):
    team, other = make_team("Lumen"), make_team("Fern")
    accounts = [make_account(name=f"Account {place}", team=team) for place in range(3)]
    foreign = make_account(name="Foreign", team=other)
    kept = make_macro(accounts=[accounts[2]]).macro
    many = [Macro(name=f"Many {number:03}", scope="chosen", team=team) for number in range(230)]
    Macro.objects.bulk_create(many)
    MacroAction.objects.bulk_create(
        MacroAction(macro=one, emails=["w@example.com"], days=[7]) for one in many
    )
    for place, macro in enumerate(many[:3]):
        macro.accounts.set([accounts[place], foreign])
    lead = staff("macros.view_macro", "macros.change_macro", "accounts.view_account", team=team)
    client = browser(lead)

    led = client.post(
        f"/admin/macros/macro/?team={team.pk}",
        {"action": "switch_off", "select_across": "1", "_selected_action": [many[0].pk]},
    )
    with CaptureQueriesContext(connection) as queries:
        asked = client.get(led["Location"]).content.decode()
    few = client.get(f"/admin/macros/macro/bulk/off/?ids={many[0].pk},{many[1].pk}").content.decode()
    listing = re.search(r'href="([^"]*macro=only[^"]*)"', few)
    assert listing
    listed = words(client.get(listing[1]).content.decode())
    said = client.post(led["Location"], {"note": "Season is over."}, follow=True).content.decode()

    assert "Switch 230 macros off?" in asked
    assert "Stop watching 3 accounts" in words(asked)
    assert "Then watched by no macro 2 accounts" in words(asked)
    assert "and 130 more" in asked  # the one of all teams is not of this team
    assert "macro=only" not in asked  # too many for an address
    assert len(queries) < 40
    assert "2 of 3 accounts" in listed
    assert "No macro but Many 000 and Many 001" in listed
    assert "230 macros switched off. No macro watches 2 of their accounts now." in words(said)
    assert "/admin/accounts/account/?macro=none" in said
    assert list(Macro.objects.filter(enabled=True)) == [kept]
    assert LogEntry.objects.count() == 230
    client.post(f"/admin/macros/macro/bulk/owner/?across=1&team={team.pk}", {"owner": lead.pk})
    assert Macro.objects.filter(owner=lead).count() == 230


def test_what_the_page_did_not_say_that_it_switches_off_is_left_on() -> None:
    team = make_team("Lumen")
    one, off = (make_macro(team=team).macro for _ in range(2))
    Macro.objects.filter(pk=off.pk).update(enabled=False)
    client = browser(staff("macros.view_macro", "macros.change_macro", team=team))
    addresses = (f"?across=1&team={team.pk}", f"?ids={one.pk},{off.pk}")
    left = []

    for query in addresses:
        address = f"/admin/macros/macro/bulk/off/{query}"
        seen = client.get(address).context["page"].seen
        Macro.objects.filter(pk=off.pk).update(enabled=True)  # by a colleague, after the page was read
        later = make_macro(team=team).macro
        client.post(address, {"note": "", "seen": seen})
        left.append(set(Macro.objects.filter(enabled=True)) >= {off, later})
        again = client.post(address, {"note": "", "seen": "macros-0."}, follow=True)
        Macro.objects.filter(pk=one.pk).update(enabled=True)
        Macro.objects.filter(pk=off.pk).update(enabled=False)

    assert left == [True, True]
    assert "none of these macros matches any longer" in again.content.decode()
