"""What staff do with macros beside the form: a test to oneself, changes before they are saved, what it sent."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

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
from tests.support.factories import NOW, link, make_app, make_team, make_token
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
