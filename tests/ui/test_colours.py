import re
from pathlib import Path

import pytest
from django.template import engines
from django.test import Client

from tokens import views as channel_colours
from tokens.channels.registry import CHANNELS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "ui" / "static" / "adtoken"
MAIL = ROOT / "templates" / "mail" / "_base" / "body.html"
STATES = ("good", "warn", "urgent", "bad", "limit", "mute")
Colours = dict[str, str]


def block(text: str, selector: str) -> Colours:
    start = text.index(selector + " {")
    body = text[start : text.index("}", start)]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", body))


TOKENS = (STATIC / "tokens.css").read_text()
OF_CHANNELS = channel_colours.style_sheet_text()
LIGHT = {**block(TOKENS, "\n:root"), **block(OF_CHANNELS, ":root")}
DARK = {
    **LIGHT,
    **block(TOKENS, ':root[data-theme="dark"]'),
    **block(OF_CHANNELS, ':root[data-theme="dark"]'),
}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXT_PAIRS = [
    *[
        (ink, ground)
        for ink in ("ink", "ink-2", "ink-3")
        for ground in ("bg", "surface", "surface-2", "accent-soft")
    ],
    *[("link", ground) for ground in ("bg", "surface", "surface-2", "accent-soft")],
    *[(state, f"{state}-soft") for state in STATES],
    *[(state, ground) for state in STATES for ground in ("surface", "bg")],
    *[("ink-2", f"{state}-soft") for state in STATES],
    *[("on-ch", f"ch-{channel}") for channel in CHANNELS],
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger-btn"),
    ("on-danger", "danger-btn-hover"),
    ("ink", "surface-3"),
]
LINE_PAIRS = [
    *[(f"{state}-solid", "surface") for state in STATES],
    *[(f"{state}-solid", "accent-soft") for state in ("good", "warn", "urgent", "mute")],
    *[(f"ch-{channel}", "surface") for channel in CHANNELS],
    *[("line-strong", ground) for ground in ("surface", "bg")],
    *[("focus", ground) for ground in ("surface", "bg", "surface-2")],
]


def fainter(theme: Colours, pairs: list[tuple[str, str]], least: float) -> dict[tuple[str, str], float]:
    """The pairs whose contrast is less."""
    found = {(one, other): contrast(theme[one], theme[other]) for one, other in pairs}
    return {pair: measured for pair, measured in found.items() if measured < least}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(theme: Colours) -> None:
    assert fainter(theme, TEXT_PAIRS, 4.5) == {}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_bars_and_icons_can_be_seen(theme: Colours) -> None:
    assert fainter(theme, LINE_PAIRS, 3) == {}


def test_following_the_system_gives_the_same_dark_as_choosing_it() -> None:
    chosen = block(TOKENS, ':root[data-theme="dark"]')
    followed = block(TOKENS, ':root[data-theme="auto"]')

    assert followed == chosen
    assert block(OF_CHANNELS, ':root[data-theme="auto"]') == block(OF_CHANNELS, ':root[data-theme="dark"]')
    assert len(chosen) > 40


@pytest.mark.parametrize("channel", CHANNELS)
def test_marks_and_charts_have_the_colour_of_each_channel(channel: str) -> None:
    colour = f"var(--ch-{channel});"

    assert f".at-mark-{channel} {{ background: {colour} }}" in OF_CHANNELS
    assert f".at-fill-{channel} {{ fill: {colour} }}" in OF_CHANNELS


@pytest.mark.parametrize("name", ["components.css", "site.css", "admin.css"])
def test_our_style_sheets_use_only_names_that_tokens_define(name: str) -> None:
    text = (STATIC / name).read_text()

    used = set(re.findall(r"var\(--([\w-]+)", text)) - {"daybar-ground"}

    assert used
    assert used <= set(LIGHT)


def mail_rules() -> tuple[str, str]:
    page = engines["django"].from_string(MAIL.read_text().split("</style>")[0]).render()
    style = re.sub(r"\s+", " ", page.rsplit("<style>")[-1])
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    return light, dark


def test_mails_use_no_colour_that_tokens_do_not_define() -> None:
    light, dark = mail_rules()

    assert set(re.findall(r"#[0-9a-f]{6}", light)) <= set(LIGHT.values())
    assert set(re.findall(r"#[0-9a-f]{6}", dark)) <= set(DARK.values())


@pytest.mark.django_db
def test_every_page_brings_the_colours_and_a_browser_keeps_them_until_they_change(
    client: Client, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = channel_colours.style_sheet_url()

    for page in (client.get("/accounts/login/"), admin_client.get("/admin/")):
        assert f'href="{address}"' in page.content.decode()
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert not answer.cookies
    assert ".at-mark-x {" in answer.content.decode()
    monkeypatch.setattr(channel_colours, "style_sheet_text", lambda: ":root { --ch-x: #000000; }")
    assert channel_colours.style_sheet_url() != address
