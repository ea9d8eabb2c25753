"""What a consent gives at each channel, what renews it, and what neither may be mistaken for."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.answers import APP, DOUBT, LIMITED, PASSES, Meaning, dead
from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.worlds import (
    ASKED,
    DAY,
    LUMEN,
    NOBODYS,
    SCOPES,
    TOKEN_PATH,
    World,
    in_days,
    means,
)
from tokens.channels import registry
from tokens.channels.kinds import START_AGAIN, ChannelError, Credentials, Grant, Reason, Verdict
from tokens.channels.pinterest import calls as pinterest_calls

every_channel = pytest.mark.parametrize("key", registry.CHANNELS)
BY_CODE = [key for key in registry.CHANNELS if key != "x"]
RENEWING = ("facebook", "linkedin", "pinterest", "snapchat")
BY_REFRESH_TOKEN = RENEWING[1:]


@dataclass(frozen=True)
class Given:
    """What a grant holds: days until its ends (0: no date), where each date is from, scopes, whether a refresh token came."""

    access: float = 0
    refresh: float = 0
    data_access: float = 0
    sources: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] | None = None
    refresh_token: bool = False

    def fits(self, grant: Grant) -> None:
        """Fail where the grant holds something else."""
        dates = grant.dates
        ends = (dates.access_expires_at, dates.refresh_expires_at, dates.data_access_expires_at)
        for end, days in zip(ends, (self.access, self.refresh, self.data_access), strict=True):
            assert (in_days(end) or 0) == pytest.approx(days, abs=0.002)
        assert dates.sources == self.sources
        assert sorted(grant.scopes or ()) == sorted(self.scopes or ())
        assert bool(grant.credentials.refresh_token) is self.refresh_token


TOLD = {"access": "provider", "refresh": "provider"}
GIVEN = {
    "facebook": Given(
        60, data_access=90, sources={"access": "provider", "data_access": "introspection"},
        scopes=(*(SCOPES["facebook"] or ()), "public_profile"),
    ),
    "linkedin": Given(60, 365, sources=TOLD, scopes=SCOPES["linkedin"], refresh_token=True),
    "pinterest": Given(30, 60, sources=TOLD, scopes=SCOPES["pinterest"], refresh_token=True),
    "snapchat": Given(
        1 / 48, sources={"access": "provider", "refresh": "never"}, scopes=(ASKED["snapchat"],), refresh_token=True
    ),
    "tiktok": Given(sources={"access": "never"}, scopes=("4", "15", "7224195155857833986")),
    "x": Given(sources={"access": "never"}),
}  # fmt: skip


@every_channel
def test_a_consent_gives_the_person_the_dates_with_their_sources_and_the_scopes(
    key: str, world: World
) -> None:
    consent = world.channel.consent(world.app, world.back())

    assert consent.identity == world.person()
    GIVEN[key].fits(consent.grant)


# ---- secrets

# The one address of each channel that holds a secret, because the channel documents no other way.
IN_AN_ADDRESS = {
    "facebook": {("debug_token", "input_token")},
    "tiktok": {("get", "secret")},
}


@every_channel
def test_no_secret_code_or_token_travels_in_an_address(key: str, world: World) -> None:
    answer = world.back()
    world.sandbox.clear_calls()

    consent = world.channel.consent(world.app, answer)
    held = consent.grant.credentials
    world.list(held)
    world.read(credentials=held)
    world.inspect(held)
    if key in RENEWING:
        held = world.renew(held).credentials
    world.channel.revoke(world.app, held or consent.grant.credentials)

    hidden = {
        (call["path"].rstrip("/").rsplit("/", 1)[-1], name)
        for call in world.calls()
        for name, value in call["query"].items()
        if value in {"[token]", "[redacted]"} and name != "appsecret_proof"  # proves the token, and is none
    }
    assert hidden == IN_AN_ADDRESS.get(key, set())
    if key in BY_CODE:
        assert {call["method"] for call in world.calls(TOKEN_PATH[key])} == {"POST"}


def test_tiktoks_secret_in_the_one_address_reaches_no_log(at: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = at("tiktok")

    world.list()

    assert world.app.secret not in caplog.text
    assert "advertiser/get" not in caplog.text


@pytest.mark.parametrize(
    ("key", "forms"),
    [
        (
            "pinterest",
            {("code", "continuous_refresh", "grant_type", "redirect_uri"), ("grant_type", "refresh_token")},
        ),
        (
            "snapchat",
            {
                ("client_id", "client_secret", "code", "grant_type", "redirect_uri"),
                ("client_id", "client_secret", "grant_type", "refresh_token"),
            },
        ),
    ],
)
def test_a_token_is_asked_for_with_what_the_channel_documents_and_no_more(
    key: str, forms: set[tuple[str, ...]], world: World
) -> None:
    world.renew(world.exchange().credentials)

    assert {tuple(sorted(call["form"])) for call in world.calls(TOKEN_PATH[key])} == forms


def test_pinterest_takes_id_and_secret_in_basic(at: Any) -> None:
    app = at("pinterest").app

    scheme, _, pair = pinterest_calls.basic(app).partition(" ")

    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"{app.client_id}:{app.secret}")


# ---- what an exchange leaves out, or says in its own way

PARTS = ["expires_in", "refresh_token", "refresh_token_expires_in", "refresh_token_expires_at", "scope"]
LIVES: list[Any] = [0, -5, "soon", 1800.5, True]
NO_LIFE: list[dict[str, Any]] = [{"omit": ["expires_in"]}, *({"put": {"expires_in": one}} for one in LIVES)]
ODD: list[tuple[str, dict[str, Any], dict[str, Any], Given]] = [
    ("linkedin", {"refresh_tokens": False}, {}, Given(60, sources={"access": "provider"}, scopes=SCOPES["linkedin"])),
    ("linkedin", {}, {"put": {"expires_in": "86400"}}, Given(1, 365, sources=TOLD, scopes=SCOPES["linkedin"], refresh_token=True)),
    *[
        ("linkedin", {}, {"put": {"expires_in": life}},
         Given(0, 365, sources={"refresh": "provider"}, scopes=SCOPES["linkedin"], refresh_token=True))
        for life in (0, "soon")
    ],
    ("pinterest", {}, {"put": {
        "expires_in": "2592000", "refresh_token_expires_in": "5184000", "scope": "ads:read ads:write user_accounts:read",
    }}, GIVEN["pinterest"]),
    ("pinterest", {}, {"omit": ["refresh_token_expires_in"]}, GIVEN["pinterest"]),  # the moment counts
    ("pinterest", {}, {"omit": PARTS}, Given()),
    ("pinterest", {"legacy": True}, {}, Given(30, 365, sources=TOLD, scopes=SCOPES["pinterest"], refresh_token=True)),
    ("snapchat", {"expires_in": 3600}, {}, Given(
        1 / 24, sources={"access": "provider", "refresh": "never"}, scopes=(ASKED["snapchat"],), refresh_token=True)),
    ("snapchat", {}, {"omit": ["refresh_token", "scope"]}, Given(1 / 48, sources={"access": "provider"})),
    *[
        ("snapchat", {}, shape, Given(sources={"refresh": "never"}, scopes=(ASKED["snapchat"],), refresh_token=True))
        for shape in NO_LIFE
    ],
    ("tiktok", {"dates": {"expires_in": DAY, "refresh_token_expires_in": 365 * DAY}}, {}, Given(
        1, 365, sources=TOLD, scopes=GIVEN["tiktok"].scopes, refresh_token=True)),
]  # fmt: skip


@pytest.mark.parametrize(("key", "switches", "shape", "given"), ODD)
def test_what_an_exchange_leaves_out_is_unknown_and_never_over(
    key: str, switches: dict[str, Any], shape: dict[str, Any], given: Given, world: World
) -> None:
    world.switch(**switches)
    if shape:
        world.sandbox.next_token(channel=key, kind="code", **shape)

    given.fits(world.exchange())


@pytest.mark.parametrize("key", BY_CODE)
def test_a_token_that_cannot_be_sent_or_kept_is_none(key: str, world: World) -> None:
    values: list[Any] = ["", " ", None, 7, ["t"], "a b", "a\nb", "ü", "x" * 9000]
    for value in values:
        body = said(0) | {"data": {"access_token": value}} if key == "tiktok" else {"access_token": value}
        secret = f"{Sandbox.MARKER}-under-a-name-of-its-own"
        world.says(TOKEN_PATH[key], {**body, "session_key": secret}, count=1)

        found = world.refuses(lambda: world.channel.exchange(world.app, {"code": "c"}))

        assert means(found, PASSES.by("answer without a token")), value
        assert found.unknown, value


# ---- codes, addresses and keys

PINTEREST_SAYS = [("pinterest", {"bad_code": code}) for code in (283, 2)]


@pytest.mark.parametrize(
    ("key", "switches"), [*((key, {}) for key in registry.CHANNELS if key != "pinterest"), *PINTEREST_SAYS]
)
def test_a_code_is_good_once_and_then_the_person_starts_again(
    key: str, switches: dict[str, Any], world: World
) -> None:
    world.switch(**switches)
    answer = world.back()
    world.channel.exchange(world.app, answer)

    found = world.refuses(lambda: world.channel.exchange(world.app, answer))

    assert (found.verdict, found.row) == (Verdict.OUR_BUG, START_AGAIN)


@pytest.mark.parametrize(
    ("key", "switches", "row"),
    [
        ("linkedin", {}, START_AGAIN),
        ("snapchat", {}, START_AGAIN),
        *((*one, START_AGAIN) for one in PINTEREST_SAYS),
        ("facebook", {}, "redirect address"),
    ],
)
def test_a_code_is_good_for_its_own_address_only(
    key: str, switches: dict[str, Any], row: str, world: World
) -> None:
    world.switch(**switches)
    answer, keys = world.back(), world.app
    slipped = type(keys)(keys.client_id, keys.secrets, keys.redirect_uri.rstrip("/"), ())

    assert world.refuses(lambda: world.channel.exchange(slipped, answer)).row == row


# What is refused as our app's fault, of all that can be asked; nothing of it ends a token.
REFUSED_APP: dict[str, dict[str, set[str]]] = {
    "facebook": {
        "secret": {"inspect", "exchange", "list", "renew", "revoke"},
        "suspended": {"inspect", "list", "renew", "revoke"},
    },
    "linkedin": {key: {"inspect", "exchange", "renew"} for key in ("secret", "suspended")},
    "pinterest": {key: {"exchange", "renew"} for key in ("secret", "suspended")},
    "snapchat": {key: {"exchange", "renew", "revoke"} for key in ("secret", "suspended")},
    "tiktok": {
        "secret": {"exchange", "list", "revoke"},
        "suspended": {"inspect", "exchange", "list", "revoke"},
    },
    "x": {"secret": {"inspect", "exchange"}, "suspended": {"inspect", "exchange", "revoke"}},
}


@pytest.mark.parametrize("why", ["secret", "suspended"])
@every_channel
def test_a_refused_app_is_its_own_fault_wherever_it_shows_and_ends_no_token(
    key: str, why: str, world: World
) -> None:
    living, answer = world.token(), world.back()
    app = world.wrong if why == "secret" else world.app
    if why == "suspended":
        world.sandbox.put_app(key, suspended=True)
    channel = world.channel
    questions: dict[str, Callable[[], object]] = {
        "exchange": lambda: channel.exchange(app, answer),
        "list": lambda: channel.list_accounts(app, living, world.person(), world.scopes),
        "renew": lambda: channel.renew(app, living),
        "revoke": lambda: channel.revoke(app, living),
    }
    inspected = channel.inspect(app, living).classification

    said = {"inspect": inspected.verdict}
    for name, question in questions.items():
        if name == "renew" and key not in RENEWING:
            continue
        try:
            question()
        except ChannelError as error:
            said[name] = error.classification.verdict

    assert Verdict.TOKEN_DEAD not in said.values()
    assert {name for name, verdict in said.items() if verdict == Verdict.APP_FAULT} == REFUSED_APP[key][why]


# ---- renewal

# Switches, how the next answer is bent, the days that the old log-in had left, and what comes.
RENEWED: list[tuple[str, dict[str, Any], dict[str, Any], float, Given]] = [
    ("linkedin", {}, {}, 306, Given(60, 306, sources=TOLD, scopes=SCOPES["linkedin"], refresh_token=True)),
    ("linkedin", {}, {}, 5, Given(5, 5, sources=TOLD, scopes=SCOPES["linkedin"], refresh_token=True)),  # the last one
    ("linkedin", {}, {"omit": ["refresh_token", "refresh_token_expires_in", "scope"]}, 306, Given(60, sources={"access": "provider"})),
    ("pinterest", {}, {}, 3, GIVEN["pinterest"]),  # both tokens anew, both dates moved
    ("pinterest", {"rotate": False}, {}, 3, GIVEN["pinterest"]),
    ("snapchat", {}, {}, 0, Given(1 / 48, sources={"access": "provider", "refresh": "never"}, scopes=(ASKED["snapchat"],))),
    ("snapchat", {"rotate": True}, {}, 0, GIVEN["snapchat"]),
    ("snapchat", {}, {"omit": ["expires_in", "scope", "token_type"]}, 0, Given(sources={"refresh": "never"})),
]  # fmt: skip


@pytest.mark.parametrize(("key", "switches", "shape", "left", "given"), RENEWED)
def test_a_renewal_gives_what_the_channel_says_and_leaves_out_what_it_leaves_out(
    key: str, switches: dict[str, Any], shape: dict[str, Any], left: float, given: Given, world: World
) -> None:
    world.switch(**switches)
    old = world.token()
    if left:
        ends = world.sandbox.state()["now"] + int(left * DAY)
        world.sandbox.set_dates(channel=key, user="ada", refresh_expires_at=ends)
    if shape:
        world.sandbox.next_token(channel=key, kind="refresh", **shape)

    grant = world.renew(old)

    given.fits(grant)
    assert grant.credentials.access_token != old.access_token
    assert world.inspect(grant.credentials).classification.verdict == Verdict.OK
    if key != "linkedin" and given.refresh_token:
        assert (grant.credentials.refresh_token != old.refresh_token) is switches.get("rotate", True)


@pytest.mark.parametrize("key", [key for key in registry.CHANNELS if key != "facebook"])
def test_without_a_refresh_token_nothing_is_asked_and_nothing_renewed(key: str, world: World) -> None:
    held = Credentials(world.token().access_token, secret="s")
    world.sandbox.clear_calls()

    assert world.channel.renew(world.app, held) is None
    assert world.calls() == []


FAULTS: list[tuple[dict[str, Any], Meaning]] = [
    ({"drop": True}, PASSES),
    ({"status": 503, "body": "<html>down</html>"}, PASSES),
    ({"status": 200, "body": "<html>log in</html>"}, PASSES),
    ({"status": 200, "body": [1, 2]}, PASSES),
    ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, PASSES),
    ({"status": 429, "body": {"message": "DAY limit"}}, LIMITED),
]
OF_ITS_OWN: dict[str, list[tuple[dict[str, Any], Meaning]]] = {
    "facebook": [],
    "linkedin": [
        ({"status": 200, "body": {"error": "invalid_grant"}}, PASSES),
        ({"status": 400, "body": {"error": "invalid_request"}}, DOUBT),
    ],
    "pinterest": [
        ({"status": 200, "body": {"items": []}}, PASSES),
        ({"status": 200, "body": {"code": 283, "message": "The authorization grant is invalid"}}, PASSES),
        ({"status": 402, "body": {"code": 283, "message": "x"}}, APP),
        ({"status": 401, "body": "<html>"}, DOUBT),
    ],
    "snapchat": [
        ({"status": 503, "body": {"error": "invalid_grant"}}, PASSES),
        ({"status": 200, "body": {"error": "invalid_grant"}}, PASSES),
        ({"status": 200, "body": {"token_type": "Bearer"}}, PASSES),
        ({"status": 400, "body": "bad gateway"}, DOUBT),
        ({"status": 401, "body": {"error": "invalid_client"}}, APP),
    ],
}


@pytest.mark.parametrize("key", RENEWING)
def test_trouble_while_renewing_says_nothing_about_the_token(key: str, world: World) -> None:
    living = world.token()
    for fault, meaning in (*FAULTS, *OF_ITS_OWN[key]):
        world.trouble(TOKEN_PATH[key], count=1, **fault)

        found = world.refuses_to_renew(living)

        assert means(found, meaning), (fault, found)
    assert world.renew(living).credentials.access_token


@pytest.mark.parametrize("key", RENEWING)
def test_a_renewal_that_is_slow_is_given_up_in_time(key: str, world: World) -> None:
    living = world.token()
    world.trouble(TOKEN_PATH[key], delay=60, count=1)

    found = world.refuses(lambda: world.channel.renew(world.app, living, timeout=0.2))

    assert found.verdict == Verdict.TRANSIENT


# The channels do not say why; LinkedIn does not even say that somebody cancelled.
ENDED = {
    "linkedin": dead(Reason.UNKNOWN),
    "pinterest": dead(Reason.AUTHORISATION_CANCELLED),
    "snapchat": dead(Reason.AUTHORISATION_CANCELLED),
}


@pytest.mark.parametrize("key", BY_REFRESH_TOKEN)
def test_a_refresh_token_that_is_over_taken_back_or_unknown_is_dead_for_one_reason(
    key: str, world: World
) -> None:
    over, taken = world.token(), world.token("ben")
    if key != "snapchat":
        world.sandbox.set_dates(channel=key, user="ada", refresh_expires_at=world.sandbox.state()["now"] - 1)
        assert means(world.refuses_to_renew(over), ENDED[key])
    world.sandbox.cancel_authorisation(key, "ben")

    assert means(world.refuses_to_renew(taken), ENDED[key])
    assert means(world.refuses_to_renew(NOBODYS), ENDED[key])


SAID_BY_A_REFRESH = {
    "linkedin": ("cancel_authorisation", "change_password", "suspend", "deactivate"),
    "pinterest": (
        "cancel_authorisation",
        "change_password",
        "log_out",
        "checkpoint",
        "suspend",
        "deactivate",
    ),
    "snapchat": ("cancel_authorisation", "checkpoint", "suspend", "deactivate"),
}


@pytest.mark.parametrize(
    ("key", "what"), [(key, what) for key, all_ in SAID_BY_A_REFRESH.items() for what in all_]
)
def test_what_ends_a_consent_is_refused_at_the_refresh_and_looks_the_same_whatever_it_was(
    key: str, what: str, world: World
) -> None:
    living = world.token()
    world.sandbox.action(key, "ada", what)

    assert means(world.refuses_to_renew(living), ENDED[key])


@pytest.mark.parametrize("key", BY_REFRESH_TOKEN)
def test_an_access_token_that_is_over_is_healed_by_its_refresh_token(key: str, world: World) -> None:
    old = world.token()
    world.sandbox.expire_now(channel=key, user="ada")

    before = world.inspect(old).classification.verdict
    fresh = world.renew(old).credentials

    assert before in {Verdict.CONFIRM_FIRST, Verdict.TOKEN_DEAD}
    assert world.inspect(fresh).classification.verdict == Verdict.OK
    assert world.read(LUMEN, fresh).classification.verdict == Verdict.OK
