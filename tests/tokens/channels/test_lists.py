"""The list of a person's ad accounts at each channel: what it says, all of its pages, and what takes nothing away."""

from typing import Any, NamedTuple

import pytest

from tests.tokens.channels.answers import DOUBT, Meaning, dead, doubt
from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.worlds import FERN, LUMEN, MARLO, OLD, World, means, names
from tokens.channels import registry
from tokens.channels.kinds import AccountList, NativeAccount, Reason, Verdict

every_channel = pytest.mark.parametrize("key", registry.CHANNELS)


class Listed(NamedTuple):
    """What a list says of one ad account."""

    role: str
    status: str = ""
    restriction: str | None = ""
    closed: bool = False
    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    can_publish: str = "yes"

    @classmethod
    def of(cls, account: NativeAccount) -> "Listed":
        """Take it from the list."""
        said_ = account.restriction
        return cls(
            account.role, account.native_status, said_ if said_ is None else str(said_), account.closed,
            account.currency, account.time_zone, account.can_publish,
        )  # fmt: skip


LISTED: dict[str, dict[str, Listed]] = {
    "facebook": {
        LUMEN: Listed("Admin", "ACTIVE"),
        MARLO: Listed("Admin", "DISABLED", "disabled for an unpaid bill or a risky payment"),
        OLD: Listed("Admin", "CLOSED", "closed", closed=True),
    },
    "linkedin": {
        LUMEN: Listed("Billing admin", "ACTIVE", time_zone="UTC"),
        MARLO: Listed("Billing admin", "ACTIVE, BILLING_HOLD", "on hold for billing", time_zone="UTC"),
        OLD: Listed("Billing admin", "CANCELED, STOPPED", "closed", closed=True, time_zone="UTC"),
    },
    "pinterest": {  # has no status of an ad account: only calls about one say it
        name: Listed("Owner", restriction=None, time_zone="") for name in (LUMEN, MARLO, OLD)
    },
    "snapchat": {
        LUMEN: Listed("Account admin", "ACTIVE", None),
        MARLO: Listed("Account admin", "PENDING", "not yet approved"),
        OLD: Listed("Account admin", "DISABLED", "disabled", closed=True),
    },
    "tiktok": {
        LUMEN: Listed("Admin", "STATUS_ENABLE"),
        MARLO: Listed(
            "Admin", "STATUS_LIMIT", "suspended, “Your account has been temporarily suspended (until 31 Dec 2031)”"
        ),
        OLD: Listed("Admin", "STATUS_DISABLE", "closed", closed=True),
    },
    "x": {  # documents no closed state
        LUMEN: Listed("Account admin", "ACCEPTED"),
        MARLO: Listed("Account admin", "REJECTED", "not approved"),
        OLD: Listed("Account admin", "CANCELLED", "cancelled"),
    },
}  # fmt: skip


@every_channel
def test_a_list_says_role_status_restriction_and_what_is_closed(key: str, world: World) -> None:
    whole = world.list()

    found = {one.name: one for one in whole.accounts}
    assert whole.complete
    assert {one.name: one.native_id for one in whole.accounts} == {
        name: world.id(name) for name in (LUMEN, FERN, MARLO, OLD)
    }
    assert {name: Listed.of(found[name]) for name in (LUMEN, MARLO, OLD)} == LISTED[key]


ROLES = {
    "facebook": {"ben": "Advertiser", "chiara": "Analyst"},
    "linkedin": {"ben": "Campaign manager", "chiara": "Viewer"},
    "pinterest": {"ben": "Campaign manager", "chiara": "Analyst"},
    "snapchat": {"ben": "Campaign manager", "chiara": "Reports only"},
    "tiktok": {"ben": "Operator", "chiara": "Analyst"},
    "x": {"ben": "Ad manager", "chiara": "Analyst"},
}


@every_channel
def test_a_reader_cannot_publish_and_who_writes_can_in_lists_and_readings_alike(
    key: str, world: World
) -> None:
    for user, can in (("ben", "yes"), ("chiara", "no")):
        read = world.read(user=user).account
        assert read is not None
        for one in (world.listed(user)[LUMEN], read):
            assert (one.role, one.can_publish) == (ROLES[key][user], can)


WITHOUT_WRITING = {
    "facebook": ("ads_read",),
    "linkedin": ("r_ads", "openid", "profile"),
    "pinterest": ("ads:read", "user_accounts:read"),
}


@pytest.mark.parametrize("key", WITHOUT_WRITING)
def test_a_consent_without_the_scope_to_write_publishes_nowhere(key: str, world: World) -> None:
    less = WITHOUT_WRITING[key]

    found = world.list(world.token(scopes=list(less)), scopes=less)

    assert {one.can_publish for one in found.accounts} == {"no"}


@every_channel
def test_somebody_without_any_ad_account_has_an_empty_whole_list(key: str, world: World) -> None:
    world.sandbox.drop_role(key, FERN, "emil")

    assert world.list(user="emil") == AccountList(())


# ---- pages

# Sizes to ask for, where the usual one holds too much for a test; switches; so many ad accounts of Emil's; calls of the listing.
PAGED: dict[str, tuple[tuple[str, ...], int, dict[str, Any], int, str, int]] = {
    "facebook": (("facebook.calls.PAGE_SIZE",), 2, {}, 5, "me/adaccounts", 3),
    "linkedin": (("linkedin.calls.ROLES_SIZE", "linkedin.calls.DETAILS_SIZE"), 2, {}, 5, "adAccounts$", 3),
    "pinterest": (("pinterest.calls.PAGE_SIZE",), 2, {}, 5, "ad_accounts$", 3),
    "snapchat": (("snapchat.calls.PAGE_SIZE",), 50, {"nested_accounts": False}, 120, "/adaccounts$", 3),
    "tiktok": (("tiktok.calls.CHUNK", "tiktok.calls.PAGE_SIZE"), 2, {}, 5, "advertiser/info", 3),
    "x": (("x.calls.PAGE_SIZE",), 2, {}, 5, "12/accounts$", 3),
}  # fmt: skip


@pytest.fixture
def paged(key: str, world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Emil's ad accounts, more than a page holds; gives their names."""
    sizes, size, switches, count, _, _ = PAGED[key]
    for name in sizes:
        monkeypatch.setattr(f"tokens.channels.{name}", size)
    world.switch(**switches)
    found = [FERN]
    kept = world.id(LUMEN)
    for number in range(1, count):
        status = {"linkedin": "ACTIVE", "snapchat": "ACTIVE", "tiktok": "STATUS_ENABLE"}.get(key)
        more = {"status": status} if status else {}
        native_id = f"{kept[:-4]}{number:04x}"
        world.sandbox.put_account(key, native_id, name=f"Shop {number}", roles={"emil": "admin"}, **more)
        found.append(f"Shop {number}")
    return found


@every_channel
def test_all_pages_are_read(key: str, world: World, paged: list[str]) -> None:
    *_, path, count = PAGED[key]

    whole = world.list(user="emil")

    assert whole.complete
    assert names(whole.accounts) == set(paged)
    assert len(world.calls(path)) == count


LATER: list[dict[str, Any]] = [
    {"status": 503, "body": "busy"},
    {"status": 200, "body": "<html>"},
    {"drop": True},
]
LATER_OF_ITS_OWN: dict[str, list[dict[str, Any]]] = {
    "facebook": [{"status": 200, "body": {"data": "?"}}],
    "linkedin": [],
    "pinterest": [
        {"status": 200, "body": {"items": None, "bookmark": None}},
        {"status": 200, "body": {"code": 8, "message": "x"}},
        {"status": 401, "body": {"code": 2, "message": "Authentication failed."}},
    ],
    "snapchat": [
        {"status": 429, "body": ""},
        {"status": 401, "body": ""},
        {"status": 200, "body": {"request_status": "ERROR"}},
        {"status": 200, "body": {"request_status": "SUCCESS", "adaccounts": "all"}},
    ],
    "tiktok": [
        {"status": 200, "body": said(40100, "App reaches the QPS limit.")},
        {"status": 200, "body": said(40105, "revoked")},
        {"status": 200, "body": said(0)},
        {"status": 200, "body": said(0) | {"data": {"list": "all"}}},
    ],
    "x": [{"status": 429, "body": {"errors": [{"code": "TOO_MANY_REQUESTS", "message": "…"}]}}],
}


@every_channel
def test_trouble_on_a_later_page_gives_a_list_that_says_it_is_not_whole(
    key: str, world: World, paged: list[str]
) -> None:
    path, living = PAGED[key][4], world.token("emil")
    for fault in (*LATER, *LATER_OF_ITS_OWN[key]):
        world.trouble(path, delay=0.001, count=1)  # the first page comes, a little late
        world.trouble(path, **fault)

        part = world.list(living, "emil")

        world.heal()
        assert not part.complete, fault
        assert FERN in names(part.accounts), fault


# A page that promises another one for ever, and the calls that are made of it.
CIRCLES: list[tuple[str, str, Any, int]] = [
    *[
        ("facebook", "me/adaccounts", {"data": [], "paging": {"next": "https://elsewhere.example", "cursors": cursors}}, pages)
        for cursors, pages in (({"after": "again"}, 2), ({}, 1), (None, 1))
    ],
    ("linkedin", "adAccounts$", {"elements": [], "metadata": {"nextPageToken": "again"}}, 2),
    ("pinterest", "ad_accounts$", {"items": [], "bookmark": "always the same"}, 2),
    *[
        ("snapchat", "/adaccounts$", {"request_status": "SUCCESS", "adaccounts": [], "paging": {"next_link": link}}, pages)
        for link, pages in (
            ("https://elsewhere.example/", 1), ("http://[", 1), (7, 1), (["x"], 1), ({"cursor": "x"}, 1),
            ("https://x.example/?cursor=again", 2),
        )
    ],
    ("x", "12/accounts$", {"data": [], "next_cursor": "again"}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("key", "path", "body", "pages"), CIRCLES)
def test_pages_that_lead_in_a_circle_or_nowhere_give_an_incomplete_list(
    key: str, path: str, body: Any, pages: int, world: World
) -> None:
    world.switch(**PAGED[key][2])
    living = world.token()
    world.says(path, body)

    assert not world.list(living).complete
    assert len(world.calls(path)) == pages


@pytest.mark.parametrize("key", ["facebook", "linkedin", "pinterest", "snapchat", "x"])
def test_more_pages_than_we_read_give_an_incomplete_list(
    key: str, world: World, paged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"tokens.channels.{key}.calls.MAX_PAGES", 2)

    part = world.list(user="emil")

    assert not part.complete
    assert 2 <= len(part.accounts) <= 100


# ---- answers that are no list

SHAPES: dict[str, tuple[str, list[Any]]] = {
    "facebook": ("me/adaccounts", [{"data": None}, {"data": {}}]),
    "linkedin": ("adAccountUsers", [{"elements": None}, {"elements": {"id": 5}}, {"data": []}]),
    "pinterest": (
        "ad_accounts$",
        [{"items": None}, {"items": "x"}, {"data": []}, {"items": [], "bookmark": 7}],
    ),
    "snapchat": ("me/organizations$", [{"organizations": None}, {"request_status": "ERROR"}, {"roles": []}]),
    "tiktok": ("oauth2/advertiser/get", [said(50000), said(0)]),
    "x": ("12/accounts$", [{"data": None}, {"data": {"id": "18ce54d4x5t"}}, {"data": "x"}]),
}


@every_channel
def test_a_list_of_another_shape_is_no_empty_list(key: str, world: World) -> None:
    path, own = SHAPES[key]
    for body in ("<html>", [], {}, *own):
        world.says(path, body)

        assert world.refuses(world.list).verdict == Verdict.TRANSIENT, body
        world.heal()


# A list that is refused, and what is raised.
REFUSED: list[tuple[str, str, Meaning]] = [
    ("snapchat", "run out", DOUBT),
    ("linkedin", "cancel_authorisation", doubt(Reason.AUTHORISATION_CANCELLED)),
    ("tiktok", "cancel_authorisation", dead(Reason.AUTHORISATION_CANCELLED)),
    ("x", "suspend", dead(Reason.SUSPENDED)),
]


@pytest.mark.parametrize(("key", "happened", "meaning"), REFUSED)
def test_a_first_page_that_is_refused_is_an_error_and_never_an_empty_list(
    key: str, happened: str, meaning: Meaning, world: World
) -> None:
    living = world.token()
    if happened == "run out":
        world.sandbox.expire_now(channel=key, user="ada")
    else:
        world.sandbox.action(key, "ada", happened)

    assert means(world.refuses(lambda: world.list(living)), meaning)


# Rows of which some cannot be read: the ad accounts that are found all the same, and whether the list is whole.
ROWS: list[tuple[str, str, Any, set[str], bool]] = [
    ("pinterest", "ad_accounts$", {"items": [{"id": "549755885175"}, {"name": "no id"}]}, {LUMEN}, False),
    ("pinterest", "ad_accounts$", {"items": [{"id": "549755885175"}, None]}, {LUMEN}, False),
    *[
        ("snapchat", "me/organizations$", {"request_status": "SUCCESS", "organizations": rows}, set[str](), False)
        for rows in (
            [None], [7], [{"organization": None}], [{"organization": {"ad_accounts": [None, {"id": "../me"}]}}],
        )
    ],
    ("tiktok", "oauth2/advertiser/get", said(20001) | {"data": {"list": [{"advertiser_id": "7002238017842757633"}]}}, {LUMEN}, False),
    ("tiktok", "advertiser/info", said(0) | {"data": {"list": [
        {"advertiser_id": "7002238017842757633", "status": "STATUS_ENABLE"}, "strange", {"status": "x"},
    ]}}, {LUMEN}, False),
    ("x", "12/accounts$", {"data": [None, 7, {"id": None}, {"id": "../oauth"}, {"id": "18CE54D4X5T", "deleted": True, "name": 3}],
                           "next_cursor": 9}, {LUMEN}, True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "path", "body", "there", "whole"), ROWS)
def test_rows_that_cannot_be_read_are_left_out_and_the_rest_stays(
    key: str, path: str, body: Any, there: set[str], whole: bool, world: World
) -> None:
    living = world.token()
    world.says(path, body)

    found = world.list(living)

    assert ({one.native_id for one in found.accounts}, found.complete) == (
        {world.id(name) for name in there},
        whole,
    )


# ---- roles that the list does not tell

UNTOLD: list[tuple[str, dict[str, Any], str, Any]] = [
    *[
        ("snapchat", {"nested_roles": False}, "/roles$", fault)
        for fault in (
            {"status": 403, "body": {"request_status": "ERROR", "debug_message": "Resource can not be found"}},
            {"status": 503, "body": "busy"},
            {"status": 200, "body": {"request_status": "SUCCESS", "roles": [{"sub_request_status": "ERROR"}]}},
            {"drop": True},
        )
    ],
    *[("tiktok", {}, path, {"status": 503, "body": "busy"}) for path in ("bc/get", "bc/asset/get")],
    ("x", {}, "authenticated_user_access", {"status": 503, "body": "busy"}),
    ("x", {}, "authenticated_user_access", {"status": 200, "body": {"data": []}}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "switches", "path", "fault"), UNTOLD)
def test_roles_that_cannot_be_had_are_unknown_and_take_no_ad_account_away(
    key: str, switches: dict[str, Any], path: str, fault: dict[str, Any], world: World
) -> None:
    world.switch(**switches)
    living = world.token("chiara")
    world.trouble(path, **fault)

    found = world.list(living, "chiara")

    assert found.complete
    assert [(one.name, one.can_publish) for one in found.accounts] == [(LUMEN, "unknown")]


@pytest.mark.parametrize(
    ("key", "switches", "paths"),
    [
        ("snapchat", {"nested_roles": False}, "/roles$"),
        ("tiktok", {}, "bc/"),
        ("x", {}, "authenticated_user_access"),
    ],
)
def test_roles_are_asked_for_a_limited_time_only(
    key: str, switches: dict[str, Any], paths: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"tokens.channels.{key}.calls.ROLES_WITHIN", -1.0)
    world.switch(**switches)

    found = world.list()

    assert found.complete
    assert {(one.can_publish, one.role_told) for one in found.accounts} == {("unknown", False)}
    assert world.calls(paths) == []


def test_the_business_is_named_where_the_channel_does(at: Any) -> None:
    own = {"snapchat": "Lumen Group", "tiktok": "", "x": "", "pinterest": "Ada Okafor"}
    details: dict[str, dict[str, Any]] = {
        "snapchat": {
            "organization_id": "507d7a57-94ae-4239-8a74-e93c00aa53e6",
            "organization_name": " Fern Gardens ",
        },
        "tiktok": {"owner_bc_name": "Fern Gardens", "bc_name": "Agency"},  # of which the centre is the owner
        "x": {"business_name": "Fern Gardens"},
    }

    for key, more in details.items():
        world = at(key)
        world.sandbox.put_account(key, FERN, details=more)
        world.sandbox.put_account(key, LUMEN, details={"bc_id": ""} if key == "tiktok" else {})
        found = world.listed()
        assert (found[FERN].business, found[LUMEN].business) == ("Fern Gardens", own[key]), key
