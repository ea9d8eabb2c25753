import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import Context, Template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from ui import pills
from ui.dates import DeadlineFacts

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
ICONS = (ROOT / "ui" / "static" / "adtoken" / "icons.svg").read_text()
NOW = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "mail" not in path.parts)


def render(source: str, **context: Any) -> str:
    return Template("{% load channels ui mailwords %}" + source).render(Context(context))


class BrokenError(Exception):
    """A page's HTML does not nest."""


class Nesting(HTMLParser):
    """Raises BrokenError where a closing tag does not match."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise BrokenError(f"</{tag}> at {self.getpos()}")


def assert_nests(html: str) -> None:
    parser = Nesting()
    parser.feed(html)
    assert not parser.open


def inline(text: str) -> list[str]:
    """What the content policy forbids: styles, handlers, and scripts that are neither a file nor data."""
    scripts = re.findall(r"<script\b[^>]*>", text)
    return [
        *re.findall(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']", text),
        *(tag for tag in scripts if "src=" not in tag and 'type="application/json"' not in tag),
    ]


def test_pages_hold_no_inline_style_script_or_handler() -> None:
    assert len(PAGES) > 100
    assert {str(path): found for path in PAGES if (found := inline(path.read_text()))} == {}
    assert len(inline("<style> <p style='a' onclick='b'> <script> <script src='c'>")) == 4


def test_a_notice_is_its_text_and_a_button_where_it_leads_somewhere() -> None:
    source = "{% notice 'warn' 'mail' url=url button='Open' role='status' %}<b>{{ name }}</b>{% endnotice %}"

    leads, alone = (render(source, url=url, name="<Ada>") for url in ("my_accounts", ""))

    assert "at-notice-warn" in leads
    assert 'role="status"' in leads
    assert "<b>&lt;Ada&gt;</b>" in leads
    assert f'href="{reverse("my_accounts")}"' in leads
    assert "Open" not in alone
    assert_nests(leads)


def test_icons_that_pages_name_are_drawn() -> None:
    drawn = set(re.findall(r'symbol id="(\w+)"', ICONS))

    named = {path: set(re.findall(r"\{% (?:icon|notice \S+) \"(\w+)\"", path.read_text())) for path in PAGES}

    assert {str(path): icons - drawn for path, icons in named.items() if icons - drawn} == {}
    assert set.union(*named.values())


def test_names_are_escaped_in_parts() -> None:
    html = render(
        "{% avatar name %}{% pill state %}", name="<b> <i>", state=pills.Pill("<b>", "bad", "cancel")
    )

    assert "<b>" not in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(
    ("kind", "words", "bars"),
    [("never", "No end date", 0), ("unknown", "Not available", 1)],
    ids=["never", "unknown"],
)
def test_days_without_a_date_show_words(kind: str, words: str, bars: int) -> None:
    source = "{% days_left facts now 'linked before dates were stored' %}"

    html = render(source, facts=DeadlineFacts(kind), now=NOW)

    assert words in html
    assert html.count("at-daybar-unknown") == bars
    assert "<rect" not in html
    assert "linked before dates were stored" in html


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("full", "Wed 25 Nov 2026, 04:42 EST"),
        ("short", "Wed 25 Nov, 04:42"),
        ("day", "Wed 25 Nov"),
        ("ago", "9 min ago"),
    ],
)
def test_a_time_is_shown_in_the_active_zone_with_utc_in_its_title(form: str, words: str) -> None:
    with timezone.override("America/New_York"):
        html = render("{% when moment form now %}", moment=NOW, form=form, now=NOW + timedelta(minutes=9))

    assert html == (
        '<time datetime="2026-11-25T09:42:00Z" '
        f'title="Wednesday 25 November 2026, 04:42:00 EST (09:42 UTC)">{words}</time>'
    )


@pytest.mark.parametrize(
    ("level", "tone", "role"),
    [
        (constants.SUCCESS, "good", "status"),
        (constants.ERROR, "bad", "alert"),
        (constants.INFO, "accent", "status"),
    ],
)
def test_messages_have_the_tone_of_their_level(level: int, tone: str, role: str) -> None:
    html = render_to_string("ui/_messages.html", {"messages": [Message(level, "Deniz is active now.")]})

    assert f"at-notice-{tone}" in html
    assert f'role="{role}"' in html
    assert "Deniz is active now." in html


class InviteForm(forms.Form):
    email = forms.EmailField(label="Their e-mail", help_text="The link works once.")
    warn = forms.ChoiceField(label="Warn when", widget=forms.RadioSelect, choices=[("a", "A"), ("b", "B")])
    also = forms.BooleanField(label="Also mail me", required=False)


def test_a_wrong_field_is_tied_to_its_help_and_error() -> None:
    html = render_to_string("ui/_form.html", {"form": InviteForm({"email": "ben@lumen", "warn": "a"})})

    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_email_helptext id_email_error"' in html
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert "1 field needs a change" in html
    assert 'href="#id_email"' in html
    assert_nests(html)


def test_two_wrong_fields_are_counted_in_the_plural() -> None:
    html = render_to_string("ui/_form.html", {"form": InviteForm({})})

    assert "2 fields need a change" in html


def test_a_form_without_errors_has_no_summary() -> None:
    html = render_to_string("ui/_form.html", {"form": InviteForm()})

    assert "at-notice" not in html
    assert "aria-invalid" not in html
    assert "<legend" in html


def test_a_action_that_changes_something_is_posted() -> None:
    action = {"label": "Try again", "url": "/again", "post": True}

    html = render_to_string("ui/_action.html", {"action": action, "kind": "primary", "csrf_token": "t" * 64})

    assert '<form method="post" action="/again">' in html
    assert "csrfmiddlewaretoken" in html


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_status_pages_render_without_request_and_promise_that_nothing_was_lost(name: str) -> None:
    html = render_to_string(f"{name}.html")

    assert "Nothing was lost" in html
    assert name not in html
    assert_nests(html)


@pytest.mark.parametrize("name", ["authentication_error", "login_cancelled"])
def test_pages_of_a_broken_handshake_never_print_its_exception(name: str) -> None:
    marker = "EAAB-secret-answer"
    context = {"auth_error": {"exception": marker, "code": marker}, "exception": marker}

    html = render_to_string(f"socialaccount/{name}.html", context)

    assert marker not in html
    assert "Nothing was lost" in html


def test_plain_text_keeps_to_seventy_two_columns_and_never_breaks_an_address() -> None:
    address = "https://adtoken.example/r/" + "x" * 80
    source = "{% plain %}{{ text }}\n\n\n\n\n{{ address }}\n{% textrow 'Why' text %}\n{% endplain %}"

    text = render(source, text="word " * 40, address=address)

    assert address in text.split("\n")
    assert max(len(line) for line in text.split("\n") if "://" not in line) <= 72
    assert "\n\n\n\n" not in text
    assert "\n               word" in text


def test_the_mail_frame_holds_no_script_and_no_remote_file() -> None:
    context = {
        "subject": "S",
        "heading": "H",
        "lead": "L",
        "because": "B",
        "preheader": "Takes about a minute.",
    }

    html = render_to_string("mail/_base/body.html", context)

    assert not re.search(r"<(script|img|link|svg)\b", html)
    assert "url(" not in html
    assert html.index("Takes about a minute.") < html.index("<h1>")
