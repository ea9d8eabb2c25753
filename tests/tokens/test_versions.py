"""Versions of the channels' APIs: data with an end and a source, checked, watched in answers, and shown."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from redis.exceptions import RedisError

from tests.support.factories import NOW, make_app, make_user
from tests.support.sandbox import Sandbox
from tokens import version_watch
from tokens.channels import deprecations, versions
from tokens.channels.base import Channel
from tokens.channels.checks import versions_are_known
from tokens.channels.facebook import calls
from tokens.channels.kinds import Answer, AppKeys, Credentials
from tokens.channels.registry import CHANNELS
from tokens.channels.sessions import ChannelSession

FACEBOOK = CHANNELS["facebook"].versions
SAID = "The call has been auto-upgraded to v26.0 as v25.0 will be deprecated."


@pytest.fixture(autouse=True)
def _nothing_said() -> Iterator[None]:
    caches["calls"].clear()
    deprecations._said.clear()
    yield
    deprecations._said.clear()


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
    assert versions.name_in_use(channel) == channel.versions.default


def test_no_default_ends_within_half_a_year_of_the_day_it_was_checked() -> None:
    for channel in CHANNELS.values():
        version = channel.versions.find(channel.versions.default)
        assert version is not None
        checked = date.fromisoformat(channel.versions.checked)
        assert version.end is None or version.end - checked > timedelta(days=182)


@pytest.mark.parametrize(
    ("left", "stage"), [(90, None), (61, None), (60, 60), (15, 60), (14, 14), (1, 14), (0, 0), (-9, 0)]
)
def test_operators_are_told_60_and_14_days_ahead_and_at_the_end(left: int, stage: int | None) -> None:
    end = date(2027, 2, 23)

    assert versions.stage(end, end - timedelta(days=left)) == stage


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
    before = versions_are_known()
    settings.LINKEDIN_VERSION = "202412"

    [found] = versions_are_known()

    assert before == []
    assert found.id == "tokens.W102"
    assert "LINKEDIN_VERSION is '202412'" in found.msg
    assert "202609" in str(found.hint)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, ""),
        ({"x-ad-api-version-warning": SAID}, SAID),
        ({"sunset": "Tue, 23 Feb 2027 00:00:00 GMT"}, "sunset: Tue, 23 Feb 2027 00:00:00 GMT"),
        ({"deprecation": "@1803340800"}, "deprecation: @1803340800"),
        (
            {"x-ad-api-version-warning": f"{SAID}\n\taccess_token=EAABwzLixnjYBAsecret"},
            f"{SAID} access_token=[hidden]",
        ),
        ({"x-ad-api-version-warning": "a " * 5000}, ("a " * 150).strip() + " "),
    ],
)
def test_a_warning_is_taken_from_headers_scrubbed_and_short(headers: dict[str, str], said: str) -> None:
    assert deprecations.warning(Answer("api", 200, headers), FACEBOOK) == said


@pytest.mark.django_db
def test_a_warning_is_kept_with_its_day_and_goes_with_the_next_good_answer() -> None:
    app = make_app("facebook")

    def answered(status: int, **headers: str) -> str:
        answer = Answer("api", status, {name.replace("_", "-"): value for name, value in headers.items()})
        deprecations.noted(answer, FACEBOOK, client_id=app.client_id)
        version_watch.keep_warnings(now=NOW)
        app.refresh_from_db()
        return app.version_warning

    first = answered(200, x_ad_api_version_warning=SAID)
    since = app.version_warned_at
    refused, silent = answered(400), answered(0)
    gone = answered(200)

    assert (first, since) == (SAID, NOW)
    assert (refused, silent) == (SAID, SAID)
    assert (gone, app.version_warned_at) == ("", None)


@pytest.mark.django_db
def test_a_warning_keeps_the_day_on_which_it_was_first_seen() -> None:
    app = make_app("facebook")
    deprecations.noted(Answer("api", 200, {"sunset": "soon"}), FACEBOOK, client_id=app.client_id)

    for hours in (0, 5):
        version_watch.keep_warnings(now=NOW + timedelta(hours=hours))

    app.refresh_from_db()
    assert app.version_warned_at == NOW


@pytest.mark.django_db
def test_apps_of_which_nothing_was_heard_keep_what_they_have() -> None:
    app = make_app("facebook", version_warning="old", version_warned_at=NOW)

    version_watch.keep_warnings(now=NOW)

    app.refresh_from_db()
    assert app.version_warning == "old"


def test_a_cache_that_is_down_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise RedisError("down")

    monkeypatch.setattr(caches["calls"], "set", down)
    answer = Answer("api", 200, {"sunset": "soon"})

    assert deprecations.noted(answer, FACEBOOK) is answer


def test_what_was_said_already_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(caches["calls"], "set", lambda name, said, *_: written.append(said))

    for said in ("", "", "a", "a", "", ""):
        deprecations.noted(Answer("api", 200, {"sunset": said} if said else {}), FACEBOOK)

    assert written == ["", "sunset: a", ""]


def test_the_marketing_api_warns_and_other_calls_of_the_graph_take_nothing_back(
    channels_world: Sandbox,
) -> None:
    channels_world.put_app("facebook", settings={"version_warning": SAID})
    client_id, secret = Sandbox.APPS["facebook"]
    app = AppKeys(client_id, (secret,), "https://app.example/", ())
    token = channels_world.issue_token("facebook", "ada")["access_token"]

    heard = []
    for path in ("me/adaccounts", "me", "me/permissions"):
        calls.graph("api", path, ChannelSession(app, Credentials(token)))
        heard.append(caches["calls"].get(deprecations.key(FACEBOOK, client_id)))

    assert heard == [SAID, SAID, SAID]


@pytest.mark.django_db
def test_the_page_of_a_channel_app_shows_version_end_source_and_warning(
    client: Client, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    settings.FACEBOOK_VERSION = "v24.0"
    app = make_app("facebook", version_warning=SAID, version_warned_at=NOW)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = client.get("/admin/tokens/channelapp/").content.decode()
    page = client.get(f"/admin/tokens/channelapp/{app.pk}/change/").content.decode()

    assert "v24.0, ended on 10 November 2026, Facebook warns of its end" in listed
    assert "v24.0: ended on 10 November 2026" in page
    assert "FACEBOOK_VERSION" in page
    assert FACEBOOK.source in page
    assert SAID in page
