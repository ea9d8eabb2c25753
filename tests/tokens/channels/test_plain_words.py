"""Ids, roles and restrictions of each channel in the words that people read, and the addresses that lead there."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.channels.snapchat import reading as snapchat
from tokens.channels.tiktok import calls as tiktok_calls
from tokens.channels.tiktok import reading as tiktok
from tokens.channels.x import paths
from tokens.channels.x import reading as x
from tokens.token import reasons

UUID = "e4cd371b-8de8-4011-a8d2-860fe77c09e1"
# What may be written, and the one spelling of it.
SPELLINGS: dict[str, dict[str, str]] = {
    "facebook": {"act_123": "123", "123": "123", " act_9 ": "9"},
    "linkedin": dict.fromkeys(("508720451", " 508720451 ", "urn:li:sponsoredAccount:508720451"), "508720451"),
    "pinterest": {"549755885175": "549755885175", " 12 ": "12"},
    "snapchat": dict.fromkeys((UUID, UUID.upper(), f" {UUID} "), UUID),
    "tiktok": {"7002238017842757633": "7002238017842757633", " 70\n": "70", "1": "1", "9" * 30: "9" * 30},
    "x": {"18ce54d4x5t": "18ce54d4x5t", " 18CE54D4X5T\n": "18ce54d4x5t", "0": "0", "z" * 20: "z" * 20},
}
NONSENSE: dict[str, tuple[str, ...]] = {
    "facebook": ("", "act_", "abc", "act_1/insights", "１２", "1" * 31),
    "linkedin": ("", "0", "007", "-5", "5.0", "5/../6", "urn:li:organization:5", "٥", "9" * 20, "act_5"),
    "pinterest": ("", "act_1", "12a", "١٢", "1/2", "1" * 31),
    "snapchat": (
        "", "1", UUID[:-1], UUID + "0", UUID.replace("-", ""), f"{UUID}/x", "../me", f"{UUID}\n5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702",
    ),
    "tiktok": ("", "act_1", "70/02", "..", "9" * 31, "٧٠", "-1", "7e5", "0x7"),
    "x": ("", "act_1", "18ce/54", "..", "z" * 21, "ä1", "1 2", "١٢"),
}  # fmt: skip
OPENS = {
    "linkedin": "https://www.linkedin.com/campaignmanager/accounts/508720451",
    "pinterest": "https://ads.pinterest.com/advertiser/549755885175/",
    "snapchat": f"https://ads.snapchat.com/{UUID}",
    "tiktok": "https://ads.tiktok.com/i18n/perf/campaign?aadvid=7002238017842757633",
    "x": "https://ads.x.com/analytics/18ce54d4x5t",
}


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_an_id_has_one_spelling_and_nonsense_is_none(key: str) -> None:
    channel = registry.get(key)

    assert {given: channel.canonical_id(given) for given in SPELLINGS[key]} == SPELLINGS[key]
    for given in NONSENSE[key]:
        with pytest.raises(ValueError, match=r"number|ad account|looks like"):
            channel.canonical_id(given)


@pytest.mark.parametrize("key", OPENS)
def test_an_ad_account_opens_in_the_channels_own_ads_manager(key: str) -> None:
    assert {registry.get(key).open_url(given) for given in list(SPELLINGS[key])[:1]} == {OPENS[key]}


@pytest.mark.parametrize(
    ("roles", "names", "expected"),
    [
        (tiktok.ROLES, {"ADMIN"}, ("Admin", "yes")),
        (tiktok.ROLES, {"OPERATOR", "ANALYST"}, ("Operator", "yes")),
        (tiktok.ROLES, {"ANALYST"}, ("Analyst", "no")),
        (tiktok.ROLES, {"SOMETHING_NEW"}, ("SOMETHING_NEW", "unknown")),
        (tiktok.ROLES, {"ANALYST", "SOMETHING_NEW"}, ("Analyst", "unknown")),
        (tiktok.ROLES, set(), ("", "unknown")),
        (x.ROLES, ["TWEET_COMPOSER", "ACCOUNT_ADMIN"], ("Account admin", "yes")),
        (x.ROLES, ["AD_MANAGER"], ("Ad manager", "yes")),
        (x.ROLES, ["CREATIVE_MANAGER"], ("Creative manager", "no")),
        (x.ROLES, ["CAMPAIGN_ANALYST"], ("Campaign analyst", "no")),
        (x.ROLES, ["PARTNER_AUDIENCE_MANAGER", "ANALYST"], ("Analyst", "no")),
        (x.ROLES, ["TWEET_COMPOSER"], ("No role", "no")),
        (x.ROLES, ["SOMETHING_NEW"], ("SOMETHING_NEW", "unknown")),
        (x.ROLES, ["ANALYST", "SOMETHING_NEW"], ("Analyst", "unknown")),
        (x.ROLES, [], ("No role", "no")),
    ],
)
def test_the_widest_of_several_roles_is_told_and_a_new_one_leaves_it_open(
    roles: Any, names: Any, expected: tuple[str, str]
) -> None:
    assert roles.widest(names) == expected


@pytest.mark.parametrize(
    ("organization", "account", "expected"),
    [
        (["admin", "member"], None, ("Organization admin", "yes")),
        (["member"], ["creative"], ("Creative manager", "no")),
        (["member"], ["audience", "reports"], ("Audience manager", "no")),
        (["member"], ["reports", "general"], ("Campaign manager", "yes")),
        (["member", "data_admin"], [], ("Reporting admin", "no")),
        (["business_admin"], [], ("Business admin", "no")),
        (["member"], [], ("", "unknown")),
        (["member"], None, ("", "unknown")),
        (["agency_member"], ["planner"], ("planner", "unknown")),
        (["member"], ["reports", "planner"], ("Reports only", "unknown")),
    ],
)
def test_snapchats_roles_are_ruled_as_it_describes_them(
    organization: list[str], account: list[str] | None, expected: tuple[str, str]
) -> None:
    assert snapchat.role_of(organization, account) == expected


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("STATUS_ENABLE", "", ""),
        ("STATUS_ENABLE", "an old reason", ""),
        ("STATUS_LIMIT", "", "suspended"),
        ("STATUS_LIMIT", "1:bad ads,\n endtime:2031-12-31", "suspended, “bad ads (until 31 Dec 2031)”"),
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
def test_tiktoks_restriction_is_told_with_its_own_words(status: str, reason: str, expected: str) -> None:
    assert tiktok.restriction(status, reason) == expected


def test_a_long_reason_fits_its_column() -> None:
    assert len(tiktok.restriction("STATUS_LIMIT", "x" * 5000)) <= 300


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ""),
        ([{}], ""),
        ([{"able_to_fund": True}, {"able_to_fund": False}], ""),
        ([{"able_to_fund": False}], "no payment method works"),
        (
            [{"able_to_fund": False, "reasons_not_able_to_fund": ["EXPIRED", 5]}],
            "no payment method works: EXPIRED",
        ),
        ([{"able_to_fund": False, "deleted": True}], ""),
        ([{"able_to_fund": "false"}], ""),
    ],
)
def test_what_cannot_be_paid_for_at_x_is_told_in_plain_words(
    rows: list[dict[str, Any]], expected: str
) -> None:
    assert x.funding(rows) == expected


def test_who_reconnects_at_tiktok_is_told_to_tick_every_ad_account_again() -> None:
    assert "every ad account ticked" in registry.get("tiktok").steps(Reason.AUTHORISATION_CANCELLED)[-1]


@pytest.mark.parametrize("reason", [Reason.SUSPENDED, Reason.AUTHORISATION_CANCELLED])
def test_what_tiktoks_code_does_not_prove_is_worded_as_may(reason: Reason) -> None:
    assert "may" in reasons.explain("tiktok", reason, person="Ada").what


def test_snapchat_is_renewed_by_refresh_token_and_at_least_weekly() -> None:
    channel = registry.get("snapchat")

    assert channel.renewal is not None
    assert (channel.renewal.exchange, channel.renewal.every, channel.renewal.lead) == (
        False,
        timedelta(days=7),
        None,
    )
    assert channel.lifetime.access is None
    assert channel.lifetime.access is None


def test_addresses_and_versions_are_read_at_each_call(settings: Settings) -> None:
    settings.TIKTOK_API_URL, settings.TIKTOK_API_VERSION = "https://one.example/", "v9.9"
    settings.X_ADS_URL, settings.X_API_URL = "https://one.example", "https://two.example"

    def ask(host: str) -> None:
        url = f"https://{host}/12/accounts/18ce54d4x5t"
        paths.check(method="GET", url=url, params={}, native_id="18ce54d4x5t", purpose="publish")

    assert tiktok_calls.address("user/info") == "https://one.example/open_api/v9.9/user/info/"
    ask("one.example")
    for other in ("ads-api.x.com", "two.example"):
        with pytest.raises(ValueError, match=r"one\.example"):
            ask(other)
