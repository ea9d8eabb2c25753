"""What each channel needs: the pages say what the policy says, to people who are logged in."""

import html
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from selfservice import views as lifetime_text
from tests.support.channel_words import edited
from tests.support.factories import make_app, make_user
from tokens.channels import declarations, registry, words
from tokens.channels.kinds import Reason, Renewal
from tokens.token import reasons

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada@example.com", name="Ada Okafor"))
    return client


# What must be known of each channel: how long, and when a person is needed.
TABLE = {
    "facebook": (["60 days .* where Facebook gives a date", "90 days after .* last active"], "earlier of the two dates.*neither"),
    "snapchat": (["without an end date"], "Never.*refuses to renew, the end of access"),
    "x": (["no end date"], "Never"),
    "linkedin": (["60 days", "365 days .* nothing moves that date"], "end of renewal .* else the end of access"),
    "pinterest": (["30 days", "60 days; every renewal", "Older apps .* 365 days"], "later of the two dates"),
    "tiktok": (["no end date"], "Never"),
}  # fmt: skip
JARGON = re.compile(r"(?i)\b(oauth|scopes?|tokens?|refresh\w*|probe|payload|grants?|pool|lease)\b")


def text(client: Client, name: str, *args: str) -> str:
    page = client.get(reverse(name, args=args)).content.decode()
    return " ".join(html.unescape(strip_tags(page)).split())


def test_the_overview_says_how_long_and_when_a_person_is_needed(ada: Client) -> None:
    page = text(ada, "channel_needs")

    for channel, (how_long, person) in TABLE.items():
        clocks, deadline = words.listed(channel, "lifetime_clocks"), words.said(channel, "person_deadline")
        note = words.said(channel, "lifetime_note")
        assert all(any(re.search(time, line) for line in clocks) for time in how_long), channel
        assert re.search(person, deadline), channel
        assert [line for line in (*clocks, deadline, note) if line not in page] == []


def test_a_rule_that_no_vendor_source_proves_is_a_note_and_no_date() -> None:
    told = [*words.listed("linkedin", "lifetime_clocks"), *words.listed("linkedin", "lifetime_ends")]

    assert "once in 60 days" in words.said("linkedin", "lifetime_note")
    assert not [line for line in told if "once in" in line]


@pytest.mark.parametrize("name", ["channel_needs", "channel_page"])
def test_a_channel_of_which_the_article_does_not_speak_has_its_page(
    ada: Client, name: str, tmp_path: Path
) -> None:
    with edited("x", tmp_path, article_timeline="", causes=""):
        page = text(ada, name, *(["x"] if name == "channel_page" else []))

    assert words.listed("x", "lifetime_clocks")[0] in page
    assert "Help article" not in page


@pytest.mark.parametrize("channel", declarations.channel_keys())
def test_marketers_read_plain_words(channel: str) -> None:
    known = lifetime_text.lifetime_of(channel, "")

    lines = [known.summary, known.person_deadline, known.note, *known.clocks, *known.ends, known.renewed]
    assert [line for line in lines if JARGON.search(line) or "!" in line] == []
    assert all(line.endswith(".") for line in lines[1:] if line)


@pytest.mark.parametrize("channel", ["facebook", "linkedin"])
def test_a_channels_page_says_all_that_is_known_of_it(ada: Client, channel: str) -> None:
    make_app(channel)
    known = lifetime_text.lifetime_of(channel, "")

    page = text(ada, "channel_page", channel)

    wanted = [*known.clocks, *known.ends, known.renewed, *known.causes, known.person_deadline, known.note]
    wanted += [known.article, *known.sources]
    assert [line for line in wanted if line not in page] == []


def test_a_channels_page_tells_of_every_reason_what_happened_who_acts_and_the_steps(ada: Client) -> None:
    page = text(ada, "channel_page", "facebook")

    there = [reason for reason in Reason if reasons.happens("facebook", reason)]
    steps = [step for reason in there for step in registry.get("facebook").steps(reason)]
    assert [step for step in steps if step not in page] == []
    assert page.count("What happened") == page.count("Who acts") == len(there)


def test_a_channels_page_does_not_speak_of_what_is_not_met_there(ada: Client) -> None:
    page = text(ada, "channel_page", "x")

    assert "Authorisation cancelled" in page
    assert [
        words for words in ("Password changed", "Renewal is over", "days are over") if words in page
    ] == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (None, "AdToken renews nothing here by itself."),
        (Renewal(exchange=False, source="s"), "AdToken renews the log-in without a person."),
        (
            Renewal(exchange=True, source="s"),
            "AdToken asks Facebook for a later date while the log-in still works. Facebook decides whether the date moves.",
        ),
    ],
)
def test_what_the_engine_goes_by_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, rule: Renewal | None, words: str
) -> None:
    facebook = registry.get("facebook")
    monkeypatch.setattr(type(facebook), "renewal", rule)

    assert lifetime_text.renewed_without_person(facebook) == words


def test_pages_lead_there(ada: Client) -> None:
    make_app("facebook")

    assert (
        reverse("channel_page", args=["facebook"])
        in ada.get(reverse("link", args=["facebook"])).content.decode()
    )
    assert reverse("channel_needs") in ada.get(reverse("add_account")).content.decode()
    assert ada.get("/channels/myspace/").status_code == 404
