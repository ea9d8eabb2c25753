"""Signatures of OAuth 1.0a, and what is never signed."""

import re
from urllib.parse import unquote

import pytest
from pytest_django.fixtures import Settings

from tokens.channels.base import AppKeys, Credentials
from tokens.channels.x import CHANNEL, signing

# https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
APP = AppKeys("xvz1evFS4wEEPTGEFPHBog", ("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",), "", ())
PERSON = Credentials(
    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", secret="LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
)
STATUS = "Hello Ladies + Gentlemen, a signed OAuth request!"
NONCE, TIMESTAMP = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", 1318622958
SIGNATURE = "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="
UPDATE = "https://api.x.com/1.1/statuses/update.json"


@pytest.fixture(autouse=True)
def _real_addresses(settings: Settings) -> None:
    settings.X_API_URL, settings.X_ADS_URL = "https://api.x.com", "https://ads-api.x.com"


def signature(header: str) -> str:
    found = re.search(r'oauth_signature="([^"]+)"', header)
    assert found is not None
    return unquote(found.group(1))


@pytest.mark.parametrize(
    ("url", "params"),
    [
        (UPDATE, {"include_entities": "true", "status": STATUS}),
        (f"{UPDATE}?include_entities=true", {"status": STATUS}),
        (
            f"{UPDATE}?include_entities=true&status=Hello+Ladies+%2B+Gentlemen%2C+a+signed+OAuth+request%21",
            {},
        ),
    ],
)
def test_the_vector_of_the_documents_comes_out_wherever_the_parameters_are(
    url: str, params: dict[str, str]
) -> None:
    header = signing.header(
        APP, PERSON, method="POST", url=url, params=params, nonce=NONCE, timestamp=TIMESTAMP
    )

    assert signature(header) == SIGNATURE


def test_a_signature_holds_no_secret_and_is_new_each_time() -> None:
    first, second = (CHANNEL.sign(APP, PERSON, method="POST", url=UPDATE, params={}) for _ in range(2))

    assert first != second
    assert APP.secret not in first
    assert PERSON.secret not in first


@pytest.mark.parametrize(
    "url",
    [
        "https://ads-api.x.com/12/accounts",
        "https://ads-api.x.com/12/accounts/18ce54d4x5t/campaigns?count=10&entity_status=ACTIVE",
        "https://ADS-API.x.com/12/accounts",
        "https://api.x.com/2/users/me",
        "https://api.x.com/1.1/account/verify_credentials.json",
    ],
)
def test_addresses_of_the_two_apis_are_signed(url: str) -> None:
    header = CHANNEL.sign(APP, PERSON, method="GET", url=url, params={"q": "ä b"})

    assert header.startswith("OAuth ")


EVIL = [
    "",
    "/12/accounts",
    "https://evil.example/12/accounts",
    "https://ads-api.x.com.evil.example/12/accounts",
    "https://ads-api.x.com@evil.example/12/accounts",
    "https://user@ads-api.x.com/12/accounts",
    "https://user:word@ads-api.x.com/12/accounts",
    "https://evil.example\\@ads-api.x.com/12/accounts",
    "https://ads-api.x.com:8443/12/accounts",
    "https://ads-api.x.com:/12/accounts",
    "https://ads-api.x.com./12/accounts",
    "http://ads-api.x.com/12/accounts",
    "ftp://ads-api.x.com/12/accounts",
    "//ads-api.x.com/12/accounts",
    "https:///ads-api.x.com/12/accounts",
    "https://[ads-api.x.com/12/accounts",
    "https://ads-api.x.com",
    "https://ads-api.x.com/12/../oauth/access_token",
    "https://ads-api.x.com/12/./accounts",
    "https://ads-api.x.com/12/%2e%2e/accounts",
    "https://ads-api.x.com/12//accounts",
    "https://ads-api.x.com/12\\accounts",
    "https://ads-api.x.com/12/accounts#part",
    "https://ads-api.x.com/12/acc ounts",
    "https://ads-api.x.com/12/acc\tounts",
    "https://ads-api.x.com/12/accounts\n",
    " https://ads-api.x.com/12/accounts",
    "https://ads-api.x.com/12/äccounts",
    "https://ads-api.х.com/12/accounts",  # a Cyrillic letter
    "https://api.x.com/oauth/access_token",
    "https://api.x.com/oauth/request_token",
    "https://api.x.com/OAuth/access_token",
    "https://api.x.com/%6fauth/access_token",
    "https://api.x.com/1.1/oauth/invalidate_token.json",
    "https://api.x.com/2/oauth2/token",
    "https://api.x.com/oauth2/invalidate_token",
    "https://api.x.com/2/users/me?oauth_callback=https://evil.example",
    "https://api.x.com/2/users/me?%6fauth_verifier=1",
    "https://api.x.com/2/users/me?q=" + "a" * 9000,
]


@pytest.mark.parametrize("url", EVIL)
def test_other_addresses_are_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match=r"signed|oauth_|characters") as refusal:
        CHANNEL.sign(APP, PERSON, method="GET", url=url, params={})

    assert PERSON.access_token not in str(refusal.value)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("CONNECT", {}),
        ("get", {}),
        ("GET\r\nX: y", {}),
        ("GET", {"oauth_callback": "https://evil.example"}),
        ("GET", {"OAuth_Verifier": "1"}),
        ("GET", {"q": "a" * 9000}),
    ],
)
def test_odd_methods_and_oauth_parameters_are_refused(method: str, params: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"method|oauth_|characters"):
        CHANNEL.sign(APP, PERSON, method=method, url="https://ads-api.x.com/12/accounts", params=params)


def test_a_base_path_is_part_of_what_is_allowed(settings: Settings) -> None:
    settings.X_API_URL = settings.X_ADS_URL = "http://127.0.0.1:8100/x"

    header = CHANNEL.sign(APP, PERSON, method="GET", url="http://127.0.0.1:8100/x/12/accounts", params={})

    assert header.startswith("OAuth ")
    for outside in ("/facebook/v25.0/me", "/xx/12/accounts", "/x", "/_control/state"):
        with pytest.raises(ValueError, match="Only addresses below"):
            CHANNEL.sign(APP, PERSON, method="GET", url=f"http://127.0.0.1:8100{outside}", params={})
