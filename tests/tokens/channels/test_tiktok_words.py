"""What TikTok is called and how it speaks to people."""

import pytest
from pytest_django.fixtures import Settings

from tests.tokens.channels.tiktok_world import LUMEN
from tokens import reasons
from tokens.channels.kinds import Reason
from tokens.channels.tiktok import calls
from tokens.channels.tiktok.channel import CHANNEL
from tokens.channels.tiktok.policy import ROLES, restriction


@pytest.mark.parametrize("given", [LUMEN, f" {LUMEN}\n", "1", "9" * 30])
def test_an_id_has_one_spelling(given: str) -> None:
    assert CHANNEL.canonical_id(given) == given.strip()


@pytest.mark.parametrize("given", ["", "act_1", "70/02", "..", "9" * 31, "٧٠", "-1", "7e5", "0x7"])
def test_an_id_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="ad account's id"):
        CHANNEL.canonical_id(given)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"ADMIN"}, ("Admin", "yes")),
        ({"OPERATOR", "ANALYST"}, ("Operator", "yes")),
        ({"ANALYST"}, ("Analyst", "no")),
        ({"SOMETHING_NEW"}, ("SOMETHING_NEW", "unknown")),
        ({"ANALYST", "SOMETHING_NEW"}, ("Analyst", "unknown")),
        (set(), ("", "unknown")),
    ],
)
def test_a_role_is_told_in_plain_words(names: set[str], expected: tuple[str, str]) -> None:
    assert ROLES.widest(names) == expected


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("STATUS_ENABLE", "", ""),
        ("STATUS_ENABLE", "an old reason", ""),
        ("STATUS_LIMIT", "", "suspended"),
        ("STATUS_LIMIT", "1:bad ads,\n endtime:2031-12-31", "suspended, “bad ads (until 31 Dec 2031)”"),
        (
            "STATUS_LIMIT",
            "1:Your account has been temporarily suspended,endtime:2031-12-31 07:32:13",
            "suspended, “Your account has been temporarily suspended (until 31 Dec 2031)”",
        ),
        (
            "STATUS_LIMIT",
            "1:no,endtime:2031-99-99 0,2:see 10:30",
            "suspended, “no (until 2031-99-99) 0,see 10:30”",
        ),
        ("STATUS_DISABLE", "", "closed"),
        ("STATUS_CONFIRM_FAIL", "no licence", "not approved, “no licence”"),
        ("STATUS_CONTRACT_PENDING", "", "the contract has not begun"),
        ("STATUS_PENDING_CONFIRM_MODIFY", "", ""),
        ("STATUS_SOMETHING_NEW", "x", ""),
        ("", "", ""),
    ],
)
def test_a_restriction_is_told_in_plain_words_with_tiktoks_own(
    status: str, reason: str, expected: str
) -> None:
    assert restriction(status, reason) == expected


def test_a_long_reason_fits_its_column() -> None:
    assert len(restriction("STATUS_LIMIT", "x" * 5000)) <= 300


def test_who_reconnects_is_told_to_tick_every_ad_account_again() -> None:
    assert "every ad account ticked" in CHANNEL.steps(Reason.AUTHORISATION_CANCELLED)[-1]


def test_what_tiktoks_code_does_not_prove_is_worded_as_may() -> None:
    explanation = reasons.explain("tiktok", Reason.SUSPENDED, person="Ada")
    cancelled = reasons.explain("tiktok", Reason.AUTHORISATION_CANCELLED, person="Ada")

    assert "may" in explanation.what
    assert "may" in cancelled.what


def test_the_ads_manager_is_named_by_the_account() -> None:
    assert CHANNEL.open_url(LUMEN) == f"https://ads.tiktok.com/i18n/perf/campaign?aadvid={LUMEN}"


def test_the_base_address_and_version_are_read_at_each_call(settings: Settings) -> None:
    settings.TIKTOK_API_URL, settings.TIKTOK_API_VERSION = "https://one.example/", "v9.9"

    assert calls.address("user/info") == "https://one.example/open_api/v9.9/user/info/"
