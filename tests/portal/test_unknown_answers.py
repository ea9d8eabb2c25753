"""Unknown answers in the portal: staff see them, those who may say what they mean, and nobody can declare a log-in dead."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from tests.support.factories import MARKER, NOW, make_app, make_token, make_user
from tokens import unknown_answers
from tokens.channels import registry, unknown
from tokens.channels.kinds import Answer, Classification, Verdict
from tokens.models import Token, UnknownAnswer
from ui import kept
from users.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/tokens/unknownanswer/"
BODY = {"error": {"code": 99991, "message": "The moon is in the wrong house", "access_token": f"{MARKER}-1"}}


@pytest.fixture(autouse=True)
def _plain(settings: Any) -> Iterator[None]:
    settings.STAFF_SECOND_FACTOR = False
    unknown.assign({})
    unknown_answers._learned_at = None
    yield
    unknown.assign({})
    unknown_answers._learned_at = None


@pytest.fixture
def answer() -> UnknownAnswer:
    app = make_app("facebook")
    classification = registry.get("facebook").classify(Answer("api", 400, body=BODY))
    evidence = {"call": "api", "status": 400, "body": BODY}
    unknown_answers.keep(app, classification, evidence, token_id=make_token(app).pk, now=NOW)
    return UnknownAnswer.objects.get()


def member(*codenames: str) -> User:
    user = make_user(is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def browser(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def viewer() -> Client:
    return browser(member("view_unknownanswer"))


@pytest.fixture
def explainer() -> Client:
    return browser(member("view_unknownanswer", "assign_verdict"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": 40139, "message": "new"}, "ask the channel about the log-in"),  # of the codes about log-ins
        ({"code": 77777, "message": "new"}, "passing trouble"),
        ({"code": 40105, "message": "in the table by now"}, "has since learned"),
    ],
)
def test_the_page_says_what_the_channels_own_table_makes_of_the_answer(
    viewer: Client, body: dict[str, object], words: str
) -> None:
    row = UnknownAnswer.objects.create(
        app=make_app("tiktok"), fingerprint="f" * 32, call="api", status=200, sample={"body": body},
        first_seen_at=NOW, last_seen_at=NOW,
    )  # fmt: skip

    page = viewer.get(f"{LIST}{row.pk}/change/").content.decode()

    assert words in page


def test_the_list_shows_channel_call_status_and_count(viewer: Client, answer: UnknownAnswer) -> None:
    page = viewer.get(LIST).content.decode()

    assert "Facebook answered 400" in page
    assert "an ordinary call" in page
    assert "Unknown" in page


def test_the_list_is_narrowed_by_what_staff_said_in_their_words(
    viewer: Client, answer: UnknownAnswer
) -> None:
    UnknownAnswer.objects.update(verdict="rate_limited")

    page = viewer.get(LIST).text
    same, none = (viewer.get(LIST, {"verdict": value}).text for value in ("rate_limited", "none"))

    assert "We ask too often" in page
    assert ">rate_limited<" not in page
    assert "Facebook answered 400" in same
    assert "Facebook answered 400" not in none


def test_the_sidebar_names_it_for_those_who_may_see_it(viewer: Client) -> None:
    assert LIST in viewer.get("/admin/").content.decode()
    assert LIST not in browser(member("view_channelapp")).get("/admin/").content.decode()


def test_the_page_shows_the_answer_without_secrets_and_what_is_done_meanwhile(
    viewer: Client, answer: UnknownAnswer
) -> None:
    page = viewer.get(f"{LIST}{answer.pk}/change/").content.decode()

    assert "The moon is in the wrong house" in page
    assert MARKER not in page
    assert "We ask the channel about the log-in itself" in page
    assert "Nobody has said it yet" in page


def test_the_question_offers_no_death_and_changes_nothing(explainer: Client, answer: UnknownAnswer) -> None:
    page = explainer.get(f"{LIST}{answer.pk}/say/").content.decode()

    answer.refresh_from_db()
    assert 'value="confirm_first"' in page
    assert "token_dead" not in page
    assert 'value="ok"' not in page
    assert "never declares a log-in dead by a click" in page
    assert answer.verdict == ""


def test_saying_what_it_means_holds_and_is_in_the_history(
    explainer: Client, answer: UnknownAnswer, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        page = explainer.post(
            f"{LIST}{answer.pk}/say/", {"verdict": "account_restricted", "note": "Asked support"}, follow=True
        ).content.decode()

    answer.refresh_from_db()
    assert (answer.verdict, answer.note) == ("account_restricted", "Asked support")
    assert answer.assigned_by is not None
    assert "The channel has restricted the ad account" in page
    assert "Asked support" in page
    entry = LogEntry.objects.get()
    assert "The channel has restricted the ad account" in kept.said(entry.change_message)
    classification = registry.get("facebook").classify(Answer("api", 400, body=BODY))
    assert classification.verdict == Verdict.ACCOUNT_RESTRICTED


def test_taking_it_back_is_a_action_of_its_own(explainer: Client, answer: UnknownAnswer) -> None:
    explainer.post(f"{LIST}{answer.pk}/say/", {"verdict": "transient"})

    asked = explainer.get(f"{LIST}{answer.pk}/take-back/").content.decode()
    answer.refresh_from_db()
    still = answer.verdict
    explainer.post(f"{LIST}{answer.pk}/take-back/")

    answer.refresh_from_db()
    assert "Passing trouble at the channel" in asked
    assert still == "transient"
    assert answer.verdict == ""
    assert LogEntry.objects.count() == 2


def test_taking_back_what_nobody_said_writes_no_history(explainer: Client, answer: UnknownAnswer) -> None:
    page = explainer.post(f"{LIST}{answer.pk}/take-back/", follow=True).content.decode()

    assert "Somebody was faster" in page
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verdict", ["token_dead", "ok", "", "nonsense"])
def test_what_is_not_offered_is_refused(explainer: Client, answer: UnknownAnswer, verdict: str) -> None:
    page = explainer.post(f"{LIST}{answer.pk}/say/", {"verdict": verdict})

    answer.refresh_from_db()
    assert page.status_code == 200
    assert "needs a change" in page.content.decode()
    assert answer.verdict == ""


@pytest.mark.parametrize("action", ["say", "take-back"])
def test_staff_who_may_only_look_may_not_say(viewer: Client, answer: UnknownAnswer, action: str) -> None:
    page = viewer.get(f"{LIST}{answer.pk}/change/").content.decode()

    assert viewer.get(f"{LIST}{answer.pk}/{action}/").status_code == 403
    assert viewer.post(f"{LIST}{answer.pk}/{action}/", {"verdict": "transient"}).status_code == 403
    assert f"/{action}/" not in page


@pytest.mark.parametrize("path", ["", "{}/change/", "{}/say/", "{}/take-back/", "export/"])
def test_strangers_and_marketers_see_nothing(answer: UnknownAnswer, path: str) -> None:
    address = LIST + path.format(answer.pk)

    assert browser(None).get(address).status_code == 302
    assert browser(make_user()).get(address).status_code in {302, 403}
    assert browser(member("view_channelapp")).get(address).status_code == 403


@pytest.mark.parametrize("path", ["999999/change/", "abc/change/", "999999/say/", "999999/take-back/"])
def test_an_answer_that_is_not_there_answers_404(explainer: Client, path: str) -> None:
    assert explainer.get(LIST + path).status_code == 404


@pytest.mark.parametrize("method", ["put", "delete"])
def test_other_methods_are_refused(explainer: Client, answer: UnknownAnswer, method: str) -> None:
    assert getattr(explainer, method)(f"{LIST}{answer.pk}/say/").status_code == 405


def test_nothing_can_be_added_changed_or_deleted(explainer: Client, answer: UnknownAnswer) -> None:
    assert explainer.get(f"{LIST}add/").status_code == 404
    assert explainer.get(f"{LIST}{answer.pk}/delete/").status_code == 404
    assert explainer.post(f"{LIST}{answer.pk}/change/", {"verdict": "transient"}).status_code == 403


def test_all_are_exported_as_json_without_secrets(viewer: Client, answer: UnknownAnswer) -> None:
    file = viewer.get(f"{LIST}export/")

    rows = json.loads(file.content)
    assert file["Content-Disposition"].startswith('attachment; filename="unknown-answers-')
    assert file["Content-Type"] == "application/json"
    assert rows[0]["input"]["body"]["error"]["message"] == "The moon is in the wrong house"
    assert MARKER not in file.content.decode()


def test_the_ticked_ones_alone_are_exported(viewer: Client, answer: UnknownAnswer) -> None:
    unknown_answers.keep(
        make_app("x"),
        Classification(Verdict.TRANSIENT, unknown="b" * 32),
        {"call": "api", "status": 200, "body": "other"},
        token_id=None,
        now=NOW,
    )

    file = viewer.post(LIST, {"action": "export_selected", "_selected_action": [answer.pk]})

    assert [row["fingerprint"] for row in json.loads(file.content)] == [answer.fingerprint]


def test_no_token_is_touched_by_what_staff_say(explainer: Client, answer: UnknownAnswer) -> None:
    before = list(Token.objects.values())

    explainer.post(f"{LIST}{answer.pk}/say/", {"verdict": "access_lost"})

    assert list(Token.objects.values()) == before
