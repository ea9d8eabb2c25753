"""A token asked about at each channel: alive, ended, in trouble that says nothing of it; how we end it, and how a job sends it."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from django.test import override_settings

from sandbox.actions import ACTIONS
from tests.support.sandbox import Sandbox
from tests.tokens.channels.answers import BUG, DOUBT, FINE, LIMITED, PASSES, Meaning, dead, doubt, lost
from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.worlds import LUMEN, NOBODYS, SCOPES, World, means
from tokens.channels import registry
from tokens.channels.kinds import (
    Credentials,
    Reason,
    Verdict,
)

every_channel = pytest.mark.parametrize("key", registry.CHANNELS)

# What a channel tells of a living token: sources of its dates (None: no dates), scopes.
ALIVE: Mapping[str, tuple[Mapping[str, str] | None, tuple[str, ...] | None]] = {
    "facebook": (
        {"access": "introspection", "data_access": "introspection"},
        (*(SCOPES["facebook"] or ()), "public_profile"),
    ),
    "linkedin": ({"access": "introspection"}, SCOPES["linkedin"]),
    "pinterest": (None, None),
    "snapchat": (None, None),
    "tiktok": (None, None),
    "x": ({"access": "never"}, None),
}


@every_channel
def test_a_living_token_is_told_with_its_owner_and_nothing_that_the_channel_does_not_say(
    key: str, world: World
) -> None:
    living = world.token()
    world.sandbox.clear_calls()

    found = world.inspect(living)

    sources, scopes = ALIVE[key]
    assert found.classification.verdict == Verdict.OK
    assert found.native_user_id in {world.person().native_user_id, ""}
    assert bool(found.native_user_id) is (key != "linkedin")
    assert (found.dates and found.dates.sources) == sources
    assert sorted(found.scopes or ()) == sorted(scopes or ())
    assert len(world.calls()) == 1


# ---- what happens to a person

CANCELLED, CHECKPOINT = Reason.AUTHORISATION_CANCELLED, Reason.SECURITY_CHECKPOINT
# By what happens: what the question says, what a reading of an ad account says.
HAPPENS: dict[str, dict[str, tuple[Meaning, Meaning]]] = {
    "facebook": {
        "change_password": (dead(Reason.PASSWORD_CHANGED), dead(Reason.PASSWORD_CHANGED)),
        "cancel_authorisation": (dead(CANCELLED), dead(CANCELLED)),
        "log_out": (dead(Reason.SESSION_INVALID), dead(Reason.SESSION_INVALID)),
        "checkpoint": (dead(CHECKPOINT), dead(CHECKPOINT)),
        "suspend": (dead(CHECKPOINT), dead(CHECKPOINT)),  # Facebook's 464 does not tell the two apart
        "deactivate": (dead(CHECKPOINT), dead(CHECKPOINT)),
        "run out": (dead(Reason.EXPIRED), dead(Reason.EXPIRED)),
        "nobody's": (dead(Reason.UNKNOWN), DOUBT),
    },
    "linkedin": {
        "cancel_authorisation": (dead(CANCELLED), doubt(CANCELLED)),
        "change_password": (dead(CANCELLED), doubt(CANCELLED)),
        "suspend": (dead(CANCELLED), doubt(CANCELLED)),
        "deactivate": (dead(CANCELLED), doubt(CANCELLED)),
        "checkpoint": (dead(CANCELLED), doubt(CANCELLED)),
        "log_out": (FINE, FINE),
        "run out": (dead(Reason.EXPIRED), dead(Reason.EXPIRED)),
        "nobody's": (doubt(Reason.UNKNOWN), dead(Reason.SESSION_INVALID)),
    },
    # These two name no cause, and only a refused refresh ends a log-in.
    "pinterest": dict.fromkeys(
        ("cancel_authorisation", "change_password", "log_out", "checkpoint", "suspend", "deactivate", "run out", "nobody's"),
        (DOUBT, DOUBT),
    ),
    "snapchat": {
        **dict.fromkeys(
            ("cancel_authorisation", "checkpoint", "suspend", "deactivate", "run out", "nobody's"), (DOUBT, DOUBT)
        ),
        **dict.fromkeys(("change_password", "log_out"), (FINE, FINE)),
    },
    "tiktok": {
        "cancel_authorisation": (dead(CANCELLED), dead(CANCELLED)),
        "suspend": (dead(Reason.SUSPENDED), dead(Reason.SUSPENDED)),
        "deactivate": (dead(Reason.SUSPENDED), dead(Reason.SUSPENDED)),  # TikTok's code does not tell the two apart
        "checkpoint": (doubt(Reason.UNKNOWN), doubt(Reason.UNKNOWN)),
        "change_password": (FINE, FINE),
        "log_out": (FINE, FINE),
        "run out": (dead(Reason.EXPIRED), dead(Reason.EXPIRED)),
        "nobody's": (dead(CANCELLED), dead(CANCELLED)),
    },
    "x": {
        "cancel_authorisation": (dead(CANCELLED), DOUBT),
        "suspend": (dead(Reason.SUSPENDED), dead(Reason.SUSPENDED)),
        "checkpoint": (dead(CHECKPOINT), doubt(CHECKPOINT)),
        "deactivate": (dead(Reason.UNKNOWN), DOUBT),
        "change_password": (FINE, FINE),
        "log_out": (FINE, FINE),
    },
}  # fmt: skip


@pytest.mark.parametrize(("key", "what"), [(key, what) for key, found in HAPPENS.items() for what in found])
def test_what_happened_is_found_with_its_reason(key: str, what: str, world: World) -> None:
    living = NOBODYS if what == "nobody's" else world.token()
    if what == "run out":
        world.sandbox.expire_now(channel=key, user="ada")
    elif what in ACTIONS:
        world.sandbox.action(key, "ada", what)

    inspection, reading = world.inspect(living), world.read(LUMEN, living)

    asked, read = HAPPENS[key][what]
    assert means(inspection.classification, asked), inspection
    assert means(reading.classification, read), reading
    assert (reading.account is None) is (read != FINE)
    for found in (inspection, reading):
        assert bool(found.evidence) is (found.classification.verdict != Verdict.OK)
        assert living.access_token not in str(found.evidence)


def test_each_thing_that_happens_has_its_row_at_each_channel() -> None:
    personal = set(ACTIONS) - {"consent", "request_deletion"}

    assert HAPPENS.keys() == registry.CHANNELS.keys()
    assert [key for key, found in HAPPENS.items() if personal - found.keys()] == []


# ---- trouble

FAULTS: list[tuple[dict[str, Any], Meaning]] = [
    ({"drop": True}, PASSES),
    ({"status": 503, "body": "<html>down</html>"}, PASSES),
    ({"status": 200, "body": "<html>log in</html>"}, PASSES),
    ({"status": 200, "body": {"moon": 1}}, PASSES),
    ({"status": 200, "body": [1, 2]}, PASSES),
    ({"status": 200, "body": "{"}, PASSES),
    ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, PASSES),
    ({"status": 401, "body": "bad gateway"}, PASSES),
    ({"status": 403, "body": "Forbidden"}, PASSES),
    ({"status": 404, "body": "<html>Not found</html>"}, PASSES),
    ({"status": 429, "body": ""}, LIMITED),
]
OF_ITS_OWN: dict[str, list[tuple[dict[str, Any], Meaning]]] = {
    "facebook": [
        ({"status": 200, "body": {"data": []}}, PASSES),
        ({"status": 400, "body": "bad gateway"}, PASSES),
        ({"status": 200, "body": {"error": {"code": 2, "message": "x"}}}, PASSES),
        ({"status": 400, "body": {"error": {"code": 17, "message": "x"}}}, LIMITED),
    ],
    "linkedin": [
        ({"status": 200, "body": {"active": "no"}}, PASSES),
        ({"status": 400, "body": "bad gateway"}, PASSES),
    ],
    "pinterest": [
        ({"status": 200, "body": {"code": 2, "message": "Authentication failed."}}, PASSES),
        ({"status": 404, "body": {"code": 2, "message": "AdAccount not found."}}, PASSES),
        ({"status": 403, "body": {"code": 403, "message": "Not authorized to access the user account."}}, lost(Reason.ACCESS_LOST)),
        *[
            ({"status": 200, "body": body}, PASSES)
            for body in ({"id": ""}, {"id": "shop_eu"}, {"id": None}, {"id": True}, {})
        ],
    ],
    "snapchat": [
        ({"status": 500, "body": {"request_status": "ERROR"}}, PASSES),
        ({"status": 200, "body": {"request_status": "ERROR", "debug_message": "x"}}, PASSES),
        ({"status": 200, "body": {"request_status": "SUCCESS"}}, PASSES),
        *[
            ({"status": 200, "body": {"request_status": "SUCCESS", "me": me}}, PASSES)
            for me in ({}, {"id": ""}, {"id": 7}, {"id": None, "email": "a@b.example"})
        ],
    ],
    "tiktok": [
        ({"status": 401, "body": said(40105, "revoked")}, PASSES),
        ({"status": 200, "body": {"data": {}}}, PASSES),
        ({"status": 200, "body": said(0)}, PASSES),
        ({"status": 200, "body": {"code": 0, "message": "OK", "data": None}}, PASSES),
        ({"status": 200, "body": said(50000, "System error")}, PASSES),
    ],
    "x": [
        ({"status": 500, "body": {"errors": [{"code": 131, "message": "Internal error"}]}}, PASSES),
        ({"status": 200, "body": {"id_str": None}}, PASSES),
        ({"status": 200, "body": {"errors": [{"code": "x"}]}}, PASSES),
        ({"status": 404, "body": {"errors": [{"code": 34, "message": "Sorry, that page does not exist."}]}}, BUG),
    ],
}  # fmt: skip
TAKES_NOTHING = {Verdict.TRANSIENT, Verdict.RATE_LIMITED, Verdict.CONFIRM_FIRST}


@every_channel
def test_trouble_at_the_channel_says_nothing_about_the_token(key: str, world: World) -> None:
    living = world.token()
    for fault, meaning in (*FAULTS, *OF_ITS_OWN[key]):
        world.trouble(**fault)

        inspection, reading = world.inspect(living), world.read(LUMEN, living)

        world.heal()
        assert means(inspection.classification, meaning), (fault, inspection)
        if "body" in fault and fault["status"] in {200, 503}:
            assert reading.classification.verdict in TAKES_NOTHING, (fault, reading)
        assert reading.classification.verdict not in {Verdict.TOKEN_DEAD, Verdict.OK}, fault
        assert reading.account is None, fault


@every_channel
def test_an_identity_is_never_made_of_a_strange_answer(key: str, world: World) -> None:
    living = world.token()
    for body in ("<html>", [1, 2], {}, {"data": None}, {"id": None}):
        world.says("", body)
        found = world.refuses(lambda: world.channel.identity(world.app, living))
        assert found.verdict == Verdict.TRANSIENT, body
        world.heal()


@every_channel
def test_a_channel_that_is_slow_or_gone_is_passing_trouble(key: str, world: World) -> None:
    living = world.token()
    addresses = dict.fromkeys(registry.get(key).declaration.addresses, "http://127.0.0.1:1")
    world.trouble(delay=60)

    slow = (
        world.inspect(living, timeout=0.2).classification,
        world.read(LUMEN, living, timeout=0.2).classification,
    )
    with override_settings(**addresses):
        gone = (world.inspect(living).classification, world.refuses(lambda: world.list(living)))

    assert {one.verdict for one in (*slow, *gone)} == {Verdict.TRANSIENT}


# ---- the end of it

# What takes a revocation and what does not: the address that does not exist, whose token, whether it is taken, what the token is then.
REVOKED: list[tuple[str, str, str, bool, Meaning]] = [
    ("facebook", "", "ada", True, dead(CANCELLED)),
    ("linkedin", "", "ada", True, dead(CANCELLED)),
    ("linkedin", "revoke$", "ada", False, FINE),
    ("pinterest", "", "ada", False, FINE),  # a person's cannot be revoked
    ("pinterest", "", "ben", True, DOUBT),
    ("snapchat", "", "ada", True, DOUBT),
    ("snapchat", "revoke$", "ada", True, DOUBT),
    ("snapchat", "revoke", "ada", False, FINE),
    ("tiktok", "", "ada", True, dead(CANCELLED)),
    ("x", "", "ada", True, dead(CANCELLED)),
]


@pytest.mark.parametrize(("key", "missing", "user", "taken", "then"), REVOKED)
def test_revoking_says_whether_the_channel_took_it(
    key: str, missing: str, user: str, taken: bool, then: Meaning, world: World
) -> None:
    if key == "pinterest":
        world.switch(system_users=["ben"])
    if missing:
        world.says(missing, "Not Found", 404)
    living = world.token(user)

    assert world.channel.revoke(world.app, living) is taken

    assert means(world.inspect(living).classification, then)
    if key in {"tiktok", "x"}:  # one that has ended counts too
        assert world.channel.revoke(world.app, living)


@pytest.mark.parametrize("key", [key for key in registry.CHANNELS if key != "linkedin"])
def test_a_revocation_that_was_hindered_is_an_error(key: str, world: World) -> None:
    living = world.token()
    world.trouble(status=503, body="busy")

    assert world.refuses(lambda: world.channel.revoke(world.app, living)).verdict == Verdict.TRANSIENT


# ---- what a job sends

SENT: dict[str, dict[str, str]] = {
    "linkedin": {
        "Authorization": "Bearer T",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
    },
    "pinterest": {"Authorization": "Bearer T"},
    "snapchat": {"Authorization": "Bearer T"},
    "tiktok": {"Access-Token": "T"},
    "x": {},
}


@pytest.mark.parametrize("key", SENT)
def test_a_job_sends_the_token_as_a_header_and_nothing_in_the_address(key: str, world: World) -> None:
    send = world.channel.send(world.app, Credentials("T", secret="s"))

    assert (dict(send.headers), dict(send.query)) == (SENT[key], {})
    assert world.channel.signs is (key == "x")


@pytest.mark.parametrize(
    ("key", "method", "path", "form"),
    [
        ("facebook", "GET", "v26.0/act_{id}/campaigns", {}),
        ("snapchat", "POST", "v1/adaccounts/{id}/campaigns", {"campaigns": [{"name": "Autumn", "status": "PAUSED"}]}),
        ("tiktok", "GET", "open_api/v1.3/campaign/get/?advertiser_id={id}", {}),
        ("x", "POST", "12/accounts/{id}/campaigns", {"name": "Ä & Ö, 50 % off", "funding_instrument_id": "f4x5t"}),
    ],
)  # fmt: skip
def test_what_a_job_is_told_to_send_works_at_the_channel(
    key: str, method: str, path: str, form: dict[str, Any], world: World
) -> None:
    held = world.token()
    send = world.channel.send(world.app, held)
    url = f"{getattr(world.sandbox, key)}/{path.format(id=world.id(LUMEN))}"
    headers = dict(send.headers)
    body: dict[str, Any] = {"data": form} if key == "x" else {"json": form} if form else {}
    if key == "x":
        headers["Authorization"] = world.channel.sign(
            world.app, held, native_id=world.id(LUMEN), purpose="publish", method=method, url=url, params=form
        )  # fmt: skip

    address = httpx2.URL(url).copy_merge_params(send.query)
    answer = httpx2.request(method, address, headers=headers, trust_env=False, verify=False, **body)

    assert answer.is_success, answer.text
    assert answer.json().get("code", 0) == 0
    assert Sandbox.MARKER not in repr(send)
