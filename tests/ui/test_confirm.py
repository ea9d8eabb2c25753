"""Pages that ask before something is done: asked by GET, done once by POST, and what is said afterwards."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.test import RequestFactory

from tests.tools import visible
from ui import confirm
from ui.confirm import ConfirmLine, Done, Late, Page, Said
from ui.errors import Refusal

RESUME = "/admin/accounts/account/bulk/resume/?account=7"
FACTS = {"one": SimpleNamespace(name="Lumen <Shoes>", pk=7)}


def asked(method: str = "get", **data: str) -> HttpRequest:
    request: HttpRequest = getattr(RequestFactory(), method)("/pause/", data)
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]  # as its middleware does
    return request


def said(request: HttpRequest) -> list[tuple[str, str]]:
    return [(message.level_tag, visible.dense(str(message))) for message in get_messages(request)]


def page(**more: Any) -> Page:
    return Page("portal/confirm/bulk_pause.html", "/back/", FACTS, **more)


def answer(request: HttpRequest, do: Callable[[Said], Done | None], **more: Any) -> Any:
    return confirm.answer(request, page(**more), do, frame=lambda _request: {"base": "ui/bare.html"})


def nothing(_said: Said) -> None:
    raise AssertionError("It was done.")


@pytest.fixture(autouse=True)
def bare_frame(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui/bare.html").write_text("{% block content %}{% endblock %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]}]


def test_get_asks_and_does_nothing() -> None:
    response = answer(asked(), nothing, seen="7").render()

    text = visible.dense(response.text)
    assert "Pause Lumen &lt;Shoes&gt;?" in text
    assert 'type="submit">Pause</button>' in text
    assert 'name="seen" value="7"' in text


def test_post_does_it_with_what_was_sent_and_leads_back_with_what_was_done() -> None:
    sent: list[Said] = []
    request = asked("post", note="budget", seen="7")

    response = answer(request, lambda said: sent.append(said) or Done())  # type: ignore[func-returns-value]

    assert (response.status_code, response["Location"]) == (302, "/back/")
    assert [(one.note, one.seen) for one in sent] == [("budget", "7")]
    assert said(request) == [
        (
            "success",
            f'Lumen &lt;Shoes&gt; is paused.<a class="at-link" href="{RESUME}">Switch back</a>',
        )
    ]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal("It is on fire."), "It is on fire."),
        (Late(), "Somebody was faster: the account is paused already."),
    ],
    ids=["refused", "late"],
)
def test_what_cannot_be_done_is_said_and_leads_back(refusal: Refusal, words: str) -> None:
    request = asked("post")

    def do(_said: Said) -> None:
        raise refusal

    response = answer(request, do)

    assert response["Location"] == "/back/"
    assert said(request) == [("error", words)]


def test_failures_are_said_first_and_a_half_success_is_a_warning() -> None:
    request = asked("post")

    answer(request, lambda _said: Done(good=False, failures=["Fern: on fire"]))

    assert [level for level, _ in said(request)] == ["error", "warning"]


def test_where_nothing_was_done_only_failures_are_said_and_it_may_lead_elsewhere() -> None:
    request = asked("post")

    response = answer(
        request, lambda _said: Done(failures=["Fern: on fire"], nothing=True, after="/elsewhere/")
    )

    assert said(request) == [("error", "Fern: on fire")]
    assert response["Location"] == "/elsewhere/"


@pytest.mark.parametrize("data", [{"typed": "Lumen"}, {"typed": "", "note": "x" * 301}], ids=["name", "note"])
def test_a_wrong_field_asks_again_and_does_nothing(data: dict[str, str]) -> None:
    response = answer(asked("post", **data), nothing, must_type="Lumen Shoes").render()

    assert response.status_code == 200
    assert 'aria-invalid="true"' in response.content.decode()


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Lumen  Shoes", "Lumen Shoes"),
        ("Lumen\nShoes\u00a0EU", " lumen shoes  eu "),
        ("\u202eLumen\u200b Shoes", "Lumen Shoes"),
        ("Lumen® 👟\ufe0f", "Lumen® 👟\ufe0f"),
        ("Straße 5", "STRASSE 5"),
        ("\u200b \u3164", "yes"),
        ("\u034f", "yes"),
    ],
)
def test_a_name_is_typed_as_it_is_seen_and_each_can_be_confirmed(name: str, typed: str) -> None:
    text = answer(asked(), nothing, must_type=name).render().content.decode()
    request = asked("post", typed=typed)
    refused = [answer(asked("post", typed=other), nothing, must_type=name) for other in ("", "no", "Shoes")]

    assert answer(request, lambda _said: None, must_type=name)["Location"] == "/back/"
    assert {one.status_code for one in refused} == {200}
    assert not set("\u202e\u200b\u3164\n") & set(text.partition("Type “")[2].partition("”")[0])


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(method: str) -> None:
    assert answer(asked(method), nothing).status_code == 405


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({"late": True}, "Somebody was faster: the account is paused already."),
        ({"refused": "It is on fire."}, "It is on fire."),
    ],
    ids=["late", "refused"],
)
def test_what_cannot_be_done_has_no_button(reason: dict[str, Any], words: str) -> None:
    text = answer(asked(), nothing, **reason).render().content.decode()

    assert words in text
    assert "<button" not in text


def test_a_hundred_of_many_lines_are_shown() -> None:
    many = page(lines=[ConfirmLine(str(number)) for number in range(103)])

    assert (len(many.shown), many.unshown) == (100, 3)
