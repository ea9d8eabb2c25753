"""Which requests are signed for a publishing job: those about its lease's own ad account, and catalogues that show nothing of anybody.

Everything else is refused: other ad accounts of the same person, the list of them, posts, direct messages, log-in, uploads, product
catalogues (they belong to people and businesses, not to an ad account). Reasons: docs/decisions/0029-what-is-signed.md.
Paths by X's documents (docs.x.com/x-ads-api, campaign-management, creatives, audiences and analytics references, state of 2026-08-22)
and by X's own client (twitter-ads 11.0.0), both read 2026-11-25.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from django.utils.translation import gettext

from tokens.channels.addresses import configured, path_below

LONGEST = 8000  # characters of an address or of all parameters
_VERSION = r"\d{1,3}"
_BELOW = r"(/[A-Za-z0-9_.~:,-]+)+"  # X's ids: numbers, base 36, media keys such as 13_909110614026444802
_ID = r"[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class _Rule:
    """Methods, and the path below the Ads API's address as a pattern; `{account}` is the lease's ad account."""

    publishing: frozenset[str]
    reading: frozenset[str]  # what a lease for reading may
    path: str


def _rule(methods: str, path: str, reading: str = "GET") -> _Rule:
    return _Rule(frozenset(methods.split()), frozenset(reading.split()), path)


_RULES = (
    _rule(
        "GET PUT", f"{_VERSION}/accounts/{{account}}"
    ),  # not DELETE: an account is nothing that a job removes
    _rule("GET POST PUT DELETE", f"{_VERSION}/accounts/{{account}}{_BELOW}"),
    _rule("POST", f"{_VERSION}/batch/accounts/{{account}}{_BELOW}", reading=""),
    _rule("GET", f"{_VERSION}/stats/accounts/{{account}}({_BELOW})?"),
    # An asynchronous report is begun by POST; it changes nothing that is published.
    _rule("GET POST DELETE", f"{_VERSION}/stats/jobs/accounts/{{account}}(/{_ID})?", reading="GET POST"),
    # Catalogues, the same for everybody:
    _rule("GET", f"{_VERSION}/targeting_criteria/[a-z_]+"),
    _rule("GET", f"{_VERSION}/line_items/placements"),
    _rule("GET", f"{_VERSION}/(content_categories|iab_categories|advertiser_business_categories)"),
    _rule("GET", f"{_VERSION}/(bidding_rules|publishers)"),
)
METHODS = ("DELETE", "GET", "POST", "PUT")


def check(
    *,
    method: str,
    url: str,
    params: Mapping[str, str],
    native_id: str,
    purpose: Literal["publish", "read"],
) -> None:
    """Raise ValueError unless a job with a lease for this ad account may have this request signed; its text says what is allowed."""
    if method not in METHODS:
        raise ValueError(f"The method must be one of {', '.join(METHODS)}.")
    if len(url) + sum(len(name) + len(value) for name, value in params.items()) > LONGEST:
        raise ValueError(f"Address and parameters together may have at most {LONGEST} characters.")
    pairs = parse_qsl(url.partition("?")[2], keep_blank_values=True) + list(params.items())
    for name, value in pairs:
        _check_parameter(name.strip().lower(), value.strip().lower(), native_id)
    path = path_below(url, [configured("X_ADS_URL")])
    rules = [rule for rule in _RULES if path is not None and _matches(rule, path, native_id)]
    if not rules:
        raise ValueError(
            f"Only requests about this lease's ad account are signed: {configured('X_ADS_URL')}/VERSION/accounts/{native_id} and what is "
            "below it, its stats and batches, and catalogues such as targeting_criteria. No other account, no posts or messages, no "
            "log-in; no user name, port, fragment, encoded characters or dots in the path."
        )
    if not any(method in (rule.reading if purpose == "read" else rule.publishing) for rule in rules):
        why = (
            gettext("This lease is for reading: %(method)s is not signed for this address.")
            if purpose == "read"
            else gettext("Nothing is published that way: %(method)s is not signed for this address.")
        )
        raise ValueError(why % {"method": method})


def _matches(rule: _Rule, path: str, native_id: str) -> bool:
    return re.fullmatch(rule.path.replace("{account}", re.escape(native_id)), path) is not None


def _check_parameter(name: str, value: str, native_id: str) -> None:
    if name.startswith("oauth_"):
        raise ValueError(
            "Leave out parameters that begin with oauth_: the Authorization header carries them."
        )
    if name in {"account_id", "account_ids"} and value != native_id:
        raise ValueError(f"The parameter {name} may name this lease's ad account alone: {native_id}.")
    if name == "nullcast" and value != "true":
        # POST accounts/:account_id/tweet makes an ordinary post of the person where nullcast is false.
        raise ValueError("Only promoted-only posts are signed: nullcast must be true or left out.")
