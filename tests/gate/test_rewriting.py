"""Tokens in answers are known again, however they are written."""

import json
from urllib.parse import quote

import pytest

from broker.gate.proxy.answers import Rewriting, secret_pairs

TOKEN = "Ab+/c=|9"
QUOTED = quote(TOKEN, safe="")
ODD = {one: f"\\u{ord(one):04x}" for one in "+/=|"}


@pytest.mark.parametrize(
    "written",
    [
        TOKEN,
        QUOTED,
        "Ab%2b%2fc%3d%7c9",
        quote(QUOTED, safe=""),
        TOKEN.replace("/", "\\/"),
        json.dumps(TOKEN.replace("/", "\\/"))[1:-1],  # in a JSON text within another
        TOKEN.replace("=", ODD["="]),  # Java's Gson
        "".join(ODD.get(one, one) for one in TOKEN),
        "".join(ODD.get(one, one).replace("2b", "2B").replace("2f", "2F").replace("3d", "3D").replace("7c", "7C") for one in TOKEN),
    ],
)  # fmt: skip
def test_a_token_becomes_the_credential(written: str) -> None:
    assert Rewriting(secret_pairs([TOKEN], "adtp_1")).whole(f"<{written}>".encode()) == b"<adtp_1>"
