"""Signatures of OAuth 1.0a. What is signed for whom: test_x_signable."""

import re
from urllib.parse import unquote

import pytest
from oauthlib.oauth1 import rfc5849

from infra import database_clock
from tokens.channels import oauth1_client
from tokens.channels.kinds import AppKeys, Credentials

# https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
APP = AppKeys("xvz1evFS4wEEPTGEFPHBog", ("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",), "", ())
PERSON = Credentials(
    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", secret="LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
)
STATUS = "Hello Ladies + Gentlemen, a signed OAuth request!"
NONCE, TIMESTAMP = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", 1318622958
SIGNATURE = "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="
UPDATE = "https://api.x.com/1.1/statuses/update.json"


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
    url: str, params: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rfc5849, "generate_nonce", lambda: NONCE)
    monkeypatch.setattr(database_clock, "seconds", lambda: TIMESTAMP)

    header = oauth1_client.header(APP, PERSON, method="POST", url=url, params=params)

    assert signature(header) == SIGNATURE


def test_a_signature_holds_no_secret_and_is_new_each_time() -> None:
    first, second = (oauth1_client.header(APP, PERSON, method="POST", url=UPDATE) for _ in range(2))

    assert first != second
    assert APP.secret not in first
    assert PERSON.secret not in first
