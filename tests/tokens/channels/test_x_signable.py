"""What is signed for a job at X: requests about its lease's ad account and catalogues. Everything else is an attack and is refused."""

import re
from typing import Literal

import pytest
from pytest_django.fixtures import Settings

from tokens.channels.x import paths

ACCOUNT, OTHER = "18ce54d4x5t", "18ce55gq7fk"
ADS = "https://ads-api.x.com"
Purpose = Literal["publish", "read"]


@pytest.fixture(autouse=True)
def _real_addresses(settings: Settings) -> None:
    settings.X_API_URL, settings.X_ADS_URL = "https://api.x.com", ADS
    settings.X_UPLOAD_URL = "https://upload.x.com"


def ask(method: str, url: str, *, purpose: Purpose = "publish", **params: str) -> None:
    paths.check(method=method, url=url, params=params, native_id=ACCOUNT, purpose=purpose)


def refusal(method: str, url: str, *, purpose: Purpose = "publish") -> str:
    """Return why it is not signed; "" where it is."""
    try:
        ask(method, url, purpose=purpose)
    except ValueError as error:
        return str(error)
    return ""


SIGNED = [
    f"GET /12/accounts/{ACCOUNT}",
    f"PUT /12/accounts/{ACCOUNT}",
    f"GET /12/accounts/{ACCOUNT}/campaigns?count=10&entity_status=ACTIVE",
    f"POST /12/accounts/{ACCOUNT}/campaigns",
    f"PUT /12/accounts/{ACCOUNT}/campaigns/8wku2",
    f"DELETE /12/accounts/{ACCOUNT}/line_items/9cqi0",
    f"POST /12/accounts/{ACCOUNT}/targeting_criteria",
    f"POST /12/accounts/{ACCOUNT}/cards/image_conversation",
    f"POST /12/accounts/{ACCOUNT}/media_library",
    f"DELETE /12/accounts/{ACCOUNT}/media_library/13_909110614026444802",
    f"POST /12/accounts/{ACCOUNT}/tweet?text=Hello&nullcast=true",
    f"POST /12/accounts/{ACCOUNT}/promoted_tweets",
    f"POST /12/accounts/{ACCOUNT}/custom_audiences",
    f"POST /12/accounts/{ACCOUNT}/custom_audiences/1nmth/users",
    f"GET /12/accounts/{ACCOUNT}/authenticated_user_access",
    f"POST /12/batch/accounts/{ACCOUNT}/campaigns",
    f"GET /12/stats/accounts/{ACCOUNT}?entity=CAMPAIGN&entity_ids=8wku2",
    f"GET /12/stats/accounts/{ACCOUNT}/active_entities",
    f"POST /12/stats/jobs/accounts/{ACCOUNT}",
    f"DELETE /12/stats/jobs/accounts/{ACCOUNT}/1120829647711653888",
    "GET /12/targeting_criteria/locations?country_code=DE",
    "GET /12/line_items/placements",
    "GET /12/iab_categories",
    f"GET /13/accounts/{ACCOUNT}/campaigns?account_id={ACCOUNT}",
]


def test_what_a_publishing_job_needs_is_signed() -> None:
    for wanted in SIGNED:
        method, _, path = wanted.partition(" ")
        ask(method, f"{ADS}{path}")


ATTACKS = [
    # the same person's other ad accounts, and the list of them
    f"GET /12/accounts/{OTHER}",
    f"POST /12/accounts/{OTHER}/campaigns",
    f"PUT /12/accounts/{OTHER}/campaigns/8wku2",
    f"POST /12/batch/accounts/{OTHER}/campaigns",
    f"GET /12/stats/accounts/{OTHER}",
    f"POST /12/stats/jobs/accounts/{OTHER}",
    "GET /12/accounts",
    "POST /12/accounts",
    f"GET /12/accounts?account_ids={OTHER}",
    f"GET /12/stats/accounts/{ACCOUNT}?account_id={OTHER}",
    f"GET /12/accounts/{ACCOUNT}/campaigns?ACCOUNT_IDS={ACCOUNT},{OTHER}",
    f"GET /12/accounts/{ACCOUNT}x/campaigns",
    f"GET /12/accounts/x{ACCOUNT}/campaigns",
    f"GET /12/accounts/{ACCOUNT.upper()}/campaigns",
    f"DELETE /12/accounts/{ACCOUNT}",
    # what belongs to the person and to no ad account
    "GET /12/product_catalogs",
    "POST /12/conversion_event",
    "POST /12/measurement/conversions/o1k2",
    "POST /mcp",
    f"POST /12/accounts/{ACCOUNT}/tweet?text=Hello&nullcast=false",
    f"POST /12/accounts/{ACCOUNT}/tweet?nullcast=true&NullCast=0",
    f"POST /12/accounts/{ACCOUNT}/scheduled_tweets?%6eullcast=false",
    # path tricks, beside those of every channel's table (test_paths)
    f"GET /12/accounts/{ACCOUNT}/../{OTHER}/campaigns",
    f"GET /12/accounts/{ACCOUNT}/",
    f"GET /12/accounts/{ACCOUNT}/campaigns#/../../{OTHER}",
    f"GET /12/accounts/{ACCOUNT}\n/campaigns",
    f"GET /x/12/accounts/{ACCOUNT}",
    f"GET /v12/accounts/{ACCOUNT}",
    f"GET /12/stats/../accounts/{OTHER}",
    "GET /12/targeting_criteria/../accounts",
    # methods
    "POST /12/targeting_criteria/locations",
    f"GET /12/batch/accounts/{ACCOUNT}/campaigns",
    f"POST /12/stats/accounts/{ACCOUNT}",
    f"PATCH /12/accounts/{ACCOUNT}",
    # log-in
    "POST /oauth/access_token",
    f"GET /12/accounts/{ACCOUNT}?oauth_callback=https://evil.example",
    f"GET /12/accounts/{ACCOUNT}?%6fauth_verifier=1",
    f"GET /12/accounts/{ACCOUNT}?q=" + "a" * 9000,
]


def test_everything_else_at_the_ads_api_is_refused() -> None:
    asked = [(method, path) for method, _, path in (attack.partition(" ") for attack in ATTACKS)]

    why = {f"{method} {path}": refusal(method, f"{ADS}{path}") for method, path in asked}

    words = re.compile(r"signed|method|oauth_|account|characters|nullcast")
    assert [attack for attack, said in why.items() if not words.search(said)] == []


ELSEWHERE = [
    "https://api.x.com/2/tweets",
    "https://api.x.com/2/dm_events",
    "https://api.x.com/2/users/me",
    "https://api.x.com/1.1/account/verify_credentials.json",
    "https://api.x.com/1.1/direct_messages/events/list.json",
    "https://api.x.com/1.1/oauth/invalidate_token.json",
    "https://upload.x.com/1.1/media/metadata/create.json",
    "https://api.x.com/2/media/metadata",
    f"https://api.x.com/12/accounts/{ACCOUNT}",
    f"https://evil.example/12/accounts/{ACCOUNT}",
    f"https://ads-api.x.com.evil.example/12/accounts/{ACCOUNT}",
    f"https://ads-api.x.com@evil.example/12/accounts/{ACCOUNT}",
    f"https://user:word@ads-api.x.com/12/accounts/{ACCOUNT}",
    f"https://evil.example\\@ads-api.x.com/12/accounts/{ACCOUNT}",
    f"https://ads-api.x.com:8443/12/accounts/{ACCOUNT}",
    f"https://ads-api.x.com:/12/accounts/{ACCOUNT}",
    f"https://ads-api.x.com./12/accounts/{ACCOUNT}",
    f"http://ads-api.x.com/12/accounts/{ACCOUNT}",
    f"//ads-api.x.com/12/accounts/{ACCOUNT}",
    f"https://[ads-api.x.com/12/accounts/{ACCOUNT}",
    f"https://ads-api.х.com/12/accounts/{ACCOUNT}",  # a Cyrillic letter
    f" https://ads-api.x.com/12/accounts/{ACCOUNT}",
    "https://ads-api.x.com",
    "",
]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_host_is_signed_for_posts_messages_and_uploads_included(method: str) -> None:
    assert [url for url in ELSEWHERE if "signed" not in refusal(method, url)] == []


@pytest.mark.parametrize(
    ("wanted", "signed"),
    [
        (f"GET /12/accounts/{ACCOUNT}/campaigns", True),
        (f"POST /12/stats/jobs/accounts/{ACCOUNT}", True),  # an asynchronous report
        (f"POST /12/accounts/{ACCOUNT}/campaigns", False),
        (f"PUT /12/accounts/{ACCOUNT}", False),
        (f"DELETE /12/stats/jobs/accounts/{ACCOUNT}/1", False),
        (f"POST /12/batch/accounts/{ACCOUNT}/campaigns", False),
    ],
)
def test_a_lease_for_reading_signs_reads_alone(wanted: str, signed: bool) -> None:
    method, _, path = wanted.partition(" ")

    assert (refusal(method, f"{ADS}{path}", purpose="read") == "") is signed


def test_uploads_are_signed_for_ads_alone() -> None:
    upload = "https://upload.x.com/1.1/media/upload.json"

    ask("POST", upload, command="INIT", media_category="amplify_video", total_bytes="9")
    ask("POST", upload)  # a part of one, as multipart
    ask("POST", upload, command="FINALIZE", media_id="1")
    ask("GET", f"{upload}?command=STATUS&media_id=1")
    for odd in (
        {"command": "INIT", "total_bytes": "9"},
        {"media_category": "dm_image"},
        {"command": "STATUS"},
    ):
        with pytest.raises(ValueError, match=r"media_category|parameters"):
            paths.check(method="POST", url=upload, params=odd, native_id=ACCOUNT, purpose="publish")
    for step in ("initialize", "188/append", "188/finalize"):  # of API 2, whose JSON is not signed
        ask("POST", f"https://api.x.com/2/media/upload/{step}")
    with pytest.raises(ValueError, match="reading"):
        ask("POST", upload, purpose="read", command="FINALIZE", media_id="1")


def test_parameters_of_the_form_are_looked_at_as_those_of_the_address() -> None:
    url = f"{ADS}/12/accounts/{ACCOUNT}/tweet"

    with pytest.raises(ValueError, match="nullcast"):
        ask("POST", url, nullcast="false")
    with pytest.raises(ValueError, match="account_id"):
        ask("GET", url, account_id=OTHER)
    with pytest.raises(ValueError, match="oauth_"):
        ask("GET", url, OAuth_Verifier="1")


def test_where_both_apis_share_a_host_the_path_still_tells_them_apart(settings: Settings) -> None:
    settings.X_API_URL = settings.X_ADS_URL = settings.X_UPLOAD_URL = "http://127.0.0.1:8100/x"

    ask("GET", f"http://127.0.0.1:8100/x/12/accounts/{ACCOUNT}")

    for outside in (
        "/x/2/tweets",
        "/x/1.1/account/verify_credentials.json",
        "/facebook/v25.0/me",
        "/_control/state",
    ):
        with pytest.raises(ValueError, match="Only requests about"):
            ask("GET", f"http://127.0.0.1:8100{outside}")
