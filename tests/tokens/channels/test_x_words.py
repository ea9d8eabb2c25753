"""What X is called and how it speaks to people."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tokens.channels.x import signable
from tokens.channels.x.channel import CHANNEL
from tokens.channels.x.policy import ROLES, funding

LUMEN = "18ce54d4x5t"


@pytest.mark.parametrize("given", ["18ce54d4x5t", " 18CE54D4X5T\n", "0", "z" * 20])
def test_an_id_has_one_spelling(given: str) -> None:
    assert CHANNEL.canonical_id(given) == given.strip().lower()


@pytest.mark.parametrize("given", ["", "act_1", "18ce/54", "..", "z" * 21, "ä1", "1 2", "١٢"])
def test_an_id_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="ad account's id"):
        CHANNEL.canonical_id(given)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (["TWEET_COMPOSER", "ACCOUNT_ADMIN"], ("Account admin", "yes")),
        (["AD_MANAGER"], ("Ad manager", "yes")),
        (["CREATIVE_MANAGER"], ("Creative manager", "no")),
        (["CAMPAIGN_ANALYST"], ("Campaign analyst", "no")),
        (["PARTNER_AUDIENCE_MANAGER", "ANALYST"], ("Analyst", "no")),
        (["TWEET_COMPOSER"], ("No role", "no")),
        (["SOMETHING_NEW"], ("SOMETHING_NEW", "unknown")),
        (["ANALYST", "SOMETHING_NEW"], ("Analyst", "unknown")),
        ([], ("No role", "no")),
    ],
)
def test_a_role_is_told_in_plain_words(permissions: list[str], expected: tuple[str, str]) -> None:
    assert ROLES.widest(permissions) == expected


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
def test_what_cannot_be_paid_for_is_told_in_plain_words(rows: list[dict[str, Any]], expected: str) -> None:
    assert funding(rows) == expected


def test_x_asks_for_the_log_in_each_time() -> None:
    assert CHANNEL.authorize_params() == CHANNEL.authorize_params(again=True) == {"force_login": "true"}


def test_the_ads_manager_is_named_by_the_account() -> None:
    assert CHANNEL.open_url(LUMEN) == f"https://ads.x.com/analytics/{LUMEN}"


def test_the_base_addresses_are_read_at_each_call(settings: Settings) -> None:
    settings.X_ADS_URL, settings.X_API_URL = "https://one.example", "https://two.example"

    def ask(host: str) -> None:
        url = f"https://{host}/12/accounts/{LUMEN}"
        signable.check(method="GET", url=url, params={}, native_id=LUMEN, purpose="publish")

    ask("one.example")

    for other in ("ads-api.x.com", "two.example"):
        with pytest.raises(ValueError, match=r"one\.example"):
            ask(other)
