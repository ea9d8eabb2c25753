import re
from pathlib import Path

import pytest
from django.utils import translation

from accounts.pool.health import Health, InPool
from notifications.models import Message
from tokens.models import ChannelApp
from ui import pills

ROOT = Path(__file__).parents[2]
ICONS = (ROOT / "ui" / "static" / "adtoken" / "icons.svg").read_text()
TONES = {"good", "warn", "urgent", "bad", "limit", "mute", "accent"}
ALL = [(family, key) for family, states in pills.FAMILIES.items() for key in states]


@pytest.mark.parametrize(
    ("family", "states"),
    [
        ("account", set(Health)),
        ("token", {*InPool, "not_linked"}),
        ("message", {*Message.State.values, "left_out"}),
        ("channel_app", set(ChannelApp.State.values)),
    ],
)
def test_every_state_has_one_pill_and_every_pill_a_state(family: str, states: set[str]) -> None:
    assert set(pills.FAMILIES[family]) == states


def test_a_pill_has_a_word_a_known_colour_and_a_drawn_icon() -> None:
    for family, key in ALL:
        pill = pills.pill(family, key)

        assert pill.label, (family, key)
        assert pill.tone in TONES, (family, key)
        assert f'symbol id="{pill.icon}"' in ICONS, (family, key)


def test_a_state_that_is_a_date_says_it_in_place_of_its_word() -> None:
    pill = pills.pill("account", "urgent", label="2 days left")

    assert pill == pills.Pill("2 days left", "urgent", "warning")


def test_a_pill_speaks_the_language_of_its_reader() -> None:
    with translation.override("de"):
        assert pills.pill("message", "sent").label != ""
    assert re.fullmatch(r"[A-Z][a-z ]+", pills.pill("account", "at_risk").label)
