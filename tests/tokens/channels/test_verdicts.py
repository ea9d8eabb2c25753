"""Each channel's verdict table against its answers (`answers/`), and against what is no answer of anybody's."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from itertools import product
from typing import Any, get_args

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from infra import database_clock
from tests.contract.bent import look_at
from tests.support.sandbox import Sandbox
from tests.tokens.channels.answers import EVERYWHERE, Answers, Meaning
from tests.tokens.channels.answers.tiktok import KEPT, REVOKED, said
from tokens.channels import registry
from tokens.channels.kinds import Answer, Call, Classification, Reason, Verdict

CALLS: tuple[Call, ...] = get_args(Call)
KNOWN = {key: import_module(f"tests.tokens.channels.answers.{key}") for key in registry.CHANNELS}
ROWS = {key: import_module(f"tokens.channels.{key}.verdicts").ROWS for key in registry.CHANNELS}
EVENING = datetime(2026, 11, 25, 21, tzinfo=UTC)
every_channel = pytest.mark.parametrize("key", KNOWN)


def classify(
    key: str, call: Any, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Classification:
    return registry.get(key).classify(Answer(call, status, headers or {}, body))


def told(answers: Answers) -> Iterator[tuple[Any, int, Any, Meaning]]:
    for calls, meanings in answers.items():
        for meaning, found in meanings.items():
            for status, body in found:
                for call in calls.split():
                    yield call, status, body, meaning


def all_of(key: str) -> Iterator[tuple[Any, int, Any, Meaning]]:
    yield from told(EVERYWHERE)
    yield from told(KNOWN[key].ANSWERS)


@every_channel
def test_an_answer_means_what_the_fact_sheet_says(key: str) -> None:
    for call, status, body, meaning in all_of(key):
        found = classify(key, call, status, body)

        asked = (call, status, body)
        assert (found.verdict, found.reason) == (meaning.verdict, meaning.reason), asked
        assert meaning.row in {None, found.row}, asked
        if isinstance(body, dict):  # a report may bring it as text or bytes
            text = json.dumps(body)
            for said_ in (text, text.encode()):
                assert classify(key, call, status, said_).verdict == found.verdict, asked


@every_channel
def test_every_row_has_a_source_and_is_reached_and_every_end_has_a_reason(key: str) -> None:
    reached = {classify(key, call, status, body).row for call, status, body, _ in all_of(key)}

    assert [row.name for row in ROWS[key] if not row.source] == []
    assert [row.name for row in ROWS[key] if row.verdict == Verdict.TOKEN_DEAD and not row.reason] == []
    assert {row.name for row in ROWS[key]} - reached == set()


def test_what_may_end_a_log_in_or_take_an_ad_account_is_counted() -> None:
    """A new row of that kind is looked at twice."""
    ends = {key: sum(row.verdict == Verdict.TOKEN_DEAD for row in rows) for key, rows in ROWS.items()}
    takes = [row for row in ROWS["x"] if row.verdict in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST}]
    [of_pinterest] = [row for row in ROWS["pinterest"] if row.verdict == Verdict.TOKEN_DEAD]

    assert ends == {"facebook": 8, "linkedin": 6, "pinterest": 1, "snapchat": 1, "tiktok": 5, "x": 4}
    assert (of_pinterest.calls, of_pinterest.codes) == ({"refresh"}, {283})
    assert len(takes) == 7
    assert all(row.codes for row in takes)


@every_channel
def test_a_consent_page_that_gives_no_code_says_why(key: str) -> None:
    said: dict[str, tuple[Verdict, str]] = {
        "": (Verdict.OUR_BUG, "state"),
        "server_error": (Verdict.TRANSIENT, "passing by its name"),
        "unauthorized_client": (Verdict.APP_FAULT, "client"),
        "invalid_scope": (Verdict.APP_FAULT, "app refused at the consent page"),
        "something_new": (Verdict.OUR_BUG, "error of the consent page"),
    }

    for error, meaning in said.items():
        found = classify(key, "authorize_callback", 400, {"error": error})
        assert (found.verdict, found.row, found.unknown) == (*meaning, ""), error


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"error_code": "1349126", "error_message": "App Not Setup: still in development mode"}, Verdict.APP_FAULT),
        ({"error_code": "1349168", "error_message": "URL Blocked"}, Verdict.APP_FAULT),
        ({"error_code": "100", "error_message": "Invalid Scopes: ads_managment"}, Verdict.APP_FAULT),
        ({"error_code": "2"}, Verdict.TRANSIENT),
        ({"error_code": "190"}, Verdict.OUR_BUG),  # it speaks of no token that we hold
    ],
)  # fmt: skip
def test_facebooks_consent_page_speaks_in_numbers(said: dict[str, str], verdict: Verdict) -> None:
    assert classify("facebook", "authorize_callback", 400, said).verdict == verdict


@every_channel
def test_what_no_row_knows_is_recognised_again(key: str) -> None:
    known = KNOWN[key]
    first, again, other = (classify(key, *one) for one in (*known.SAME, known.OTHER))

    assert first.unknown == again.unknown != other.unknown
    assert len(first.unknown) == len(other.unknown) == 32


@every_channel
@time_machine.travel(EVENING, tick=False)
def test_a_limit_says_when_it_ends(key: str) -> None:
    status = {"facebook": 400, "tiktok": 200}.get(key, 429)

    for headers, body, seconds in KNOWN[key].LIMITS:
        sent = {name: re.sub(r"{now([+-]\d+)}", _moment, value) for name, value in headers.items()}
        found = classify(key, "api", status, body, sent)
        assert (found.verdict, found.retry_after) == (Verdict.RATE_LIMITED, seconds), headers


def _moment(found: re.Match[str]) -> str:
    return str(int(EVENING.timestamp()) + int(found.group(1)))


@pytest.mark.django_db
def test_frozen_time_counts_though_a_thread_of_the_test_before_looked_at_postgresqls_clock() -> None:
    database_clock._look()

    with time_machine.travel(EVENING, tick=False):
        assert database_clock.seconds() == EVENING.timestamp()
    database_clock.forget()


@every_channel
def test_the_note_holds_no_secret(key: str) -> None:
    for answer in KNOWN[key].SPOKEN:
        note = classify(key, *answer).note
        assert note
        assert not re.search(f"EAAB|abcdef|{Sandbox.MARKER}", note)


@every_channel
def test_the_end_of_a_log_in_is_none_where_the_server_is_in_trouble_or_our_app_is_refused(key: str) -> None:
    ends = [(call, body) for call, _, body, meaning in all_of(key) if meaning.verdict == Verdict.TOKEN_DEAD]

    for call, body in ends:
        for status in (0, 302, 402, 408, 425, 429, 500, 502, 503, 504, 520):
            assert classify(key, call, status, body).verdict != Verdict.TOKEN_DEAD, (call, status, body)


# ---- TikTok answers everything with 200


@pytest.mark.parametrize("call", ["api", "refresh", "introspect"])
@pytest.mark.parametrize("body", ["<html>Access Denied</html>", {"moon": 3}, said(40105, REVOKED), ""])
def test_tiktok_another_status_than_200_passes_and_tells_operators_where_it_refuses(
    call: Call, body: Any
) -> None:
    refused = [classify("tiktok", call, one, body) for one in (400, 401, 403, 404, 405, 410, 418, 422, 451)]
    passing = [classify("tiktok", call, one, body) for one in (0, 302, 408, 425, 500, 502, 503, 504, 520)]

    assert {one.verdict for one in (*refused, *passing)} == {Verdict.TRANSIENT}
    assert all(one.unknown for one in refused)
    assert not any(one.unknown for one in passing)


def test_tiktok_codes_that_prove_nothing_are_kept_for_staff() -> None:
    kept = [classify("tiktok", call, 200, said(code)) for call in ("api", "refresh") for code in KEPT]

    assert all(one.unknown for one in kept)
    assert {one.verdict for one in kept} == {Verdict.CONFIRM_FIRST}


@pytest.mark.parametrize(
    "message",
    [
        "The app has been suspended.",
        "Your application is blocked by the platform",
        "This developer was banned",
        "The app has not been approved yet",
        "Your app is disabled",
    ],
)
def test_tiktok_words_about_our_app_are_its_fault_whatever_the_code(message: str) -> None:
    for status, code in product((200, 401, 403), (40001, 40002, 40105, 40106, 41000, 987654)):
        found = classify("tiktok", "api", status, said(code, message))
        assert (found.verdict, found.reason) == (Verdict.APP_FAULT, Reason.APP_FAULT), (status, code)


# ---- garbage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["retry-after", "x-rate-limit-reset", "x-ratelimit-reset", "x-ad-account-usage", "x-business-use-case-usage",
     "x-account-rate-limit-remaining", "x-account-rate-limit-reset"]
)  # fmt: skip
VALUES = st.text(max_size=30) | st.sampled_from(
    ["0", "-1", "9" * 15, "9" * 40, "[]", '{"1": [{}]}', '{"1": {"a": []}}', "1e9"]
)


def parts_of(body: Any) -> Iterator[tuple[str, Any]]:
    """Give each name in a body with its value."""
    if isinstance(body, list):
        body = dict(enumerate(body))
    for name, value in body.items() if isinstance(body, dict) else ():
        yield name if isinstance(name, str) else "", value
        yield from parts_of(value)


def near(key: str) -> st.SearchStrategy[Any]:
    """Bodies of the names and values of a channel's answers, put together anyhow."""
    bodies = [body for _, _, body, _ in all_of(key)]
    names = sorted({name for body in bodies for name, _ in parts_of(body) if name})
    values = {
        value for body in bodies for _, value in parts_of(body) if isinstance(value, str | int | None | bool)
    }
    leaves = JSON | st.sampled_from(sorted(values, key=repr))
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names), inner, max_size=5)
        ),
        max_leaves=12,
    )


@every_channel
def test_no_garbage_raises_and_only_an_answer_with_a_deadly_word_kills(key: str) -> None:
    channel, deadly = registry.get(key), KNOWN[key].DEADLY

    @given(
        call=st.sampled_from(CALLS),
        status=st.sampled_from([200, 400, 401, 403, 404]) | st.integers(-1, 999),
        headers=st.dictionaries(NAMES, VALUES, max_size=3),
        body=near(key) | st.binary(max_size=60) | st.text(max_size=60),
    )
    def hold(call: Call, status: int, headers: dict[str, str], body: Any) -> None:
        found = channel.classify(Answer(call, status, headers, body))

        if not any(word in str(body).lower() for word in deadly):
            assert found.verdict != Verdict.TOKEN_DEAD
        assert found.row or found.verdict == Verdict.OK
        assert found.retry_after is None or 0 < found.retry_after <= 86_400
        look_at(found, channel)

    hold()
