"""Single values of answers and pushes: what is read of each shape, and that none raises."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.channels import parse
from tokens.channels.facebook import reading as facebook
from tokens.channels.kinds import NativeAccount
from tokens.channels.linkedin import reading as linkedin
from tokens.channels.pinterest import reading as pinterest
from tokens.channels.snapchat import reading as snapchat
from tokens.channels.tiktok import reading as tiktok
from tokens.channels.x import reading as x

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just({})
)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7002238017842757633, "7002238017842757633"),
        ("1043", "1043"),
        ("9" * 30, "9" * 30),
        ("9" * 31, ""),
        (10**30, ""),
        ("\u0664\u0662", ""),  # digits of another script
        (0, ""),
        (-5, ""),
        (True, ""),
        (12.0, ""),
        ("12 ", ""),
        (None, ""),
    ],
)
def test_an_id_of_digits_is_text_whichever_way_it_came(value: object, found: str) -> None:
    assert parse.digits(value) == found


@pytest.mark.parametrize("value", ["", "a b", "a\nb", "caf\u00e9", "x" * 8193, 7, None, ["t"]])
def test_what_fits_into_no_header_is_no_token(value: object) -> None:
    assert parse.token_of(value) == ""
    assert parse.token_of("EAAB-1._~+/=|x") == "EAAB-1._~+/=|x"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("r_ads,rw_ads", ("r_ads", "rw_ads")),
        ("ads:read  ads:write", ("ads:read", "ads:write")),
        (" a, b,a ", ("a", "b")),
        ("", None),
        (" , ", None),
        (["a"], None),
        (None, None),
    ],
)
def test_scopes_are_parted_by_commas_or_blanks(value: object, found: tuple[str, ...] | None) -> None:
    assert parse.scopes_of(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1_795_564_800, datetime(2026, 11, 25, tzinfo=UTC)),
        ("1795564800", datetime(2026, 11, 25, tzinfo=UTC)),
        (1_795_564_800_000, None),  # milliseconds
        (60, None),  # a length of time, not a moment
        (0, None),
        (-1, None),
        (None, None),
    ],
)
def test_a_moment_is_one_of_our_time(value: object, found: datetime | None) -> None:
    assert parse.moment(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (60, NOW + timedelta(seconds=60)),
        ("60", NOW + timedelta(seconds=60)),
        (10**14, NOW + parse.LONGEST_LIFE),
        (0, None),
        (-60, None),
        ("soon", None),
        (1.5, None),
        (True, None),
    ],
)
def test_a_life_ends_so_many_seconds_from_now(value: object, found: datetime | None) -> None:
    assert parse.end_of_life(value, NOW) == found


@given(value=ANYTHING)
def test_no_value_raises(value: Any) -> None:
    assert parse.digits(value).isdigit() or parse.digits(value) == ""
    assert parse.token_of(value).isascii()
    assert parse.words(value, 5) in {"", str(value)[:5]}
    assert parse.mapping(value) == {}
    assert all(isinstance(name, str) for name in parse.names(value) or ())
    assert all(parse.scopes_of(value) or ("nothing said",))
    for date in (parse.moment(value), parse.end_of_life(value, NOW)):
        assert date is None or date.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Lumen Shoes", "Lumen Shoes"),
        (" Lumen  Shoes\n", "Lumen Shoes"),
        ("\u202eLumen\u200b\x1b Shoes\u2069", "Lumen Shoes"),  # a mark that turns the rest of its line
        ("\U0001f469\u200d\U0001f3a8 Studio\u200d", "\U0001f469\u200d\U0001f3a8 Studio"),  # one emoji of two
        ("\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("x" * 29 + " and more", "x" * 29),
        ("\u200b \u3164\u2800", ""),
        ("   ", ""),
        (7, ""),
    ],
)  # fmt: skip
def test_a_name_is_one_line_of_what_can_be_seen(value: object, found: str) -> None:
    assert parse.name_of(value, 30) == found


@given(st.text())
def test_a_name_that_was_read_once_stays(value: str) -> None:
    name = parse.name_of(value, 30)

    assert parse.name_of(name, 30) == name
    assert not {unicodedata.category(one) for one in name} & {"Cc", "Cs", "Zl", "Zp"}


UNSEEN: dict[str, Any] = {"name": "\u202e \u200b"}


@pytest.mark.parametrize(
    "read",
    [
        lambda: facebook.account_of({**UNSEEN, "account_id": "12"}, scopes=None, publishing_ids=None),
        lambda: x.account({**UNSEEN, "id": "12"}),
        lambda: snapchat.account({**UNSEEN, "id": "00000000-0000-4000-8000-000000000012"}, ()),
        lambda: linkedin.account_of({**UNSEEN, "id": 12}, roles={}, scopes=None),
        lambda: pinterest.account_of({**UNSEEN, "id": "12"}, scopes=None),
        lambda: tiktok.account({**UNSEEN, "advertiser_id": "12"}),
    ],
    ids=["facebook", "x", "snapchat", "linkedin", "pinterest", "tiktok"],
)
def test_an_account_whose_name_cannot_be_seen_is_called_by_its_id(
    read: Callable[[], NativeAccount | None],
) -> None:
    found = read()

    assert found is not None
    assert found.name == found.native_id
