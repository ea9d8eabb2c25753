"""The kit of mails: subjects that have room, words files that become cards, and one frame for HTML and plain text."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from pytest_django import Settings

from notifications.outbox import NOT_WANTED
from tests.tools import words
from ui import mails, phrases, pills
from ui.mails import Button, Card
from users.people.queries import Via

BERLIN = ZoneInfo("Europe/Berlin")
WORDS = """{% load i18n mailwords %}
{% say subject with name=name|gives_way %}{{ name }} stops{% endsay %}
{% say heading count days=days %}
  {{ name }} stops in {{ days }} day
{% plural %}
  {{ name }} stops in {{ days }} days
{% endsay %}
{% part "lead" %}{{ said.heading }}: act
   now.{% endpart %}
{% card name=name native_id="1" channel="x" channel_name="X" group=_("Soon") %}
  {% row _("Works until") %}Friday{% endrow %}
  {% row _("Backup") %}{% endrow %}
  {% say step %}Press <Allow>.{% endsay %}
  {% step %}{% endstep %}
  {% steps more %}
  {% steps_head %}Steps for Ben{% endsteps_head %}
  {% button "https://x.example/" %}See {{ name|cut:9 }}{% endbutton %}
{% endcard %}
{% card %}{% row "Key" %}k{% endrow %}{% endcard %}"""


@pytest.fixture
def made_up(tmp_path: Path, settings: Settings) -> None:
    """A mail of the kind "made_up"."""
    folder = tmp_path / "mail" / "made_up"
    folder.mkdir(parents=True)
    (folder / "words.txt").write_text(WORDS, encoding="utf-8")
    first = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [tmp_path, *first["DIRS"]]}]


@pytest.mark.usefixtures("made_up")
def test_html_and_text_say_the_same_and_only_html_is_escaped() -> None:
    facts = {"name": "Shoes & more", "days": 1, "more": ("Then wait.",)}

    mail = mails.render("made_up", facts, zone=BERLIN)

    assert mail["subject"] == "Shoes & more stops"
    assert "<h1>Shoes &amp; more stops in 1 day</h1>" in mail["html"]
    assert "Press &lt;Allow&gt;." in mail["html"]
    assert 'href="https://x.example/"' in mail["html"]
    text = mail["text"]
    assert text.startswith(
        "Shoes & more stops in 1 day\n\nShoes & more stops in 1 day: act now.\n\n\nSOON\n\nShoes & more (X, 1)\n"
    )
    assert "  Works until  Friday\n  Steps for Ben:\n  1. Press <Allow>.\n  2. Then wait.\n" in text
    assert "  See Shoes &…:\n  https://x.example/\n" in text
    assert "Backup" not in text + mail["html"]  # a row without text is left out, and a step
    assert mail["html"].count("<li>") == 2
    assert type(text) is str  # and not marked as safe: a page that shows it escapes what it says
    assert 'class="kv kv-alone"' in mail["html"]  # the card without a head


def cards() -> list[Card]:
    """Cards with and without each thing that one may have."""
    bad, urgent = pills.pill("account", "deactivated"), pills.pill("account", "urgent", label="2 days left")
    button = Button("See “A & B”", "https://x.example/?a=1&b=2")
    return [
        Card("Sable <Cosmetics>", "509", "linkedin", "LinkedIn", bad, group="Now", rows=[("Why", "x")], button=button),
        Card("\x0ename\x0e\x0f", "1", "x", "X", urgent, group="Now", rows=[("A", "b"), ("", "c")], steps=["1", "<2>"]),
        Card("Shoes", "2", "x", "X", group="Soon", steps_head="For Ben", steps=["Wait"]),
        Card(rows=[("Key", "k")], steps=["Wait"], button=button),
        Card("Shoes", "3", "x", "X", group="Soon"),
    ]  # fmt: skip


def test_what_a_mail_shows_is_escaped_in_html_also_where_django_holds_it_to_be_safe() -> None:
    html = mails.render("test", {"rest": mark_safe("<b>rest</b>"), "recipient": "a"}, zone=BERLIN)["html"]
    for card in map(mails._plain, cards()):
        shown = render_to_string("mail/_base/_account.html", {"card": card})
        assert "<Cosmetics>" not in shown
        assert "<2>" not in shown

    assert "<b>rest</b>" not in html
    assert "&lt;b&gt;rest&lt;/b&gt;" in html
    assert 'style="' in mails.with_styles(html)


NAME = "Grove Kitchens North and all of the South"
GIVES_WAY = mails.GIVES_WAY.format(mails.cut(NAME))


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([(f"{GIVES_WAY} is deactivated", 8)], "Grove Kitchens North and all… is deactivated"),
        ([("x" * 79, 8), ("y" * 78, 8)], "y" * 78),
        ([(f"{GIVES_WAY} {'x' * 56}", 8)], f"Grove Kitchens North… {'x' * 56}"),
        ([(f"{GIVES_WAY} {'x' * 71}", 8), ("short", 8)], "short"),  # eight characters of the name do not fit
        ([(f"{GIVES_WAY} {'x' * 71}", 8)], f"Grove Kitchens North and all… {'x' * 47}…"),
    ],
)
def test_the_first_subject_with_room_is_taken_and_a_name_gives_way(
    offered: list[tuple[str, int]], expected: str
) -> None:
    subject = mails.subject(offered)

    assert subject == expected
    assert len(subject) <= mails.SUBJECT_LENGTH


FOLDERS = sorted(path.parent for path in (words.ROOT / "templates/mail").glob("*/words.txt"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_mail_says_its_subject_heading_lead_and_why_it_came(folder: Path) -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.txt"))
    said += (words.ROOT / "templates/mail/_base/because_operator.txt").read_text(encoding="utf-8")

    assert "{% subject" in said or "{% say subject" in said
    names = ("heading", "lead", "preheader", "because")
    assert all(f'{{% part "{name}" %}}' in said or f"{{% say {name}" in said for name in names)


def test_every_reason_for_which_a_mail_is_not_wanted_has_words() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for app in ("accounts", "macros", "notifications", "adtoken_project", "portal")
        for path in (words.ROOT / app).rglob("*.py")
    )
    codes = set(re.findall(r'NotWanted\("(\w+)"', code))
    of_notices = {f"not_told_{via or 'direct'}" for via in Via.values}
    worded = phrases.blocks(NOT_WANTED)

    assert len(codes) > 20
    assert codes | of_notices <= worded
    assert [
        one for one in worded - of_notices if f'"{one}"' not in code
    ] == []  # a code that is misspelt leaves its words unused
