"""Versions of the channels' APIs: data with an end and a source, checked and shown."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.support.factories import make_app, make_user
from tokens.channels import versions
from tokens.channels.base import Channel
from tokens.channels.registry import CHANNELS

FACEBOOK = CHANNELS["facebook"].versions


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
def test_each_channel_says_its_versions_in_order_with_a_source(channel: Channel) -> None:
    known = channel.versions.known
    ends = [version.end for version in known if version.end is not None]

    assert channel.versions.source.startswith("https://")
    assert date.fromisoformat(channel.versions.checked)
    assert ends == sorted(ends)
    assert channel.versions.find(channel.versions.default) is not None
    assert len({version.name for version in known}) == len(known)


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
def test_the_settings_start_with_the_version_that_the_package_names(channel: Channel) -> None:
    assert channel.version() == channel.versions.default


def test_no_default_ends_within_half_a_year_of_the_day_it_was_checked() -> None:
    for channel in CHANNELS.values():
        version = channel.versions.find(channel.versions.default)
        assert version is not None
        checked = date.fromisoformat(channel.versions.checked)
        assert version.end is None or version.end - checked > timedelta(days=182)


@pytest.mark.parametrize(
    ("pinned", "today", "said"),
    [
        ("v25.0", date(2026, 11, 25), "v25.0: ends on 23 February 2027"),
        ("v24.0", date(2026, 11, 25), "v24.0: ended on 10 November 2026"),
        ("v24.0", date(2026, 11, 10), "v24.0: ended on 10 November 2026"),
        (
            "v26.0",
            date(2026, 11, 25),
            "v26.0: no end known to AdToken; by earlier ones expected about 29 July 2027",
        ),
        ("v9.0", date(2026, 11, 25), "v9.0: not known to AdToken, so it cannot warn of its end"),
    ],
)
def test_staff_read_in_one_line_when_the_version_in_use_ends(
    settings: Any, pinned: str, today: date, said: str
) -> None:
    settings.FACEBOOK_VERSION = pinned

    assert versions.summary(CHANNELS["facebook"], today) == said


@pytest.mark.parametrize(
    ("channel", "name", "end"),
    [
        ("linkedin", "202712", date(2028, 12, 1)),
        ("facebook", "v28.0", date(2027, 11, 4)),
        ("x", "13", None),
    ],
)
def test_a_version_newer_than_all_that_are_known_is_expected_to_live_as_its_elders(
    channel: str, name: str, end: date | None
) -> None:
    found = CHANNELS[channel].versions.find(name)

    assert found is not None
    assert (found.ends, found.expected) == (None, end)


def test_a_version_that_nobody_knows_is_named_by_a_check(settings: Any) -> None:
    before = versions.versions_are_known()
    settings.LINKEDIN_VERSION = "202412"

    [found] = versions.versions_are_known()

    assert before == []
    assert found.id == "tokens.W102"
    assert "LINKEDIN_VERSION is '202412'" in found.msg
    assert "202609" in str(found.hint)


@pytest.mark.django_db
def test_the_page_of_a_channel_app_shows_version_end_source_and_warning(
    client: Client, settings: Any
) -> None:
    settings.FACEBOOK_VERSION = "v24.0"
    app = make_app("facebook")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = client.get("/admin/tokens/channelapp/").content.decode()
    page = client.get(f"/admin/tokens/channelapp/{app.pk}/change/").content.decode()

    assert "v24.0, ended on 10 November 2026" in listed
    assert "v24.0: ended on 10 November 2026" in page
    assert "FACEBOOK_VERSION" in page
    assert FACEBOOK.source in page
