"""The start world: one app, four people and five ad accounts on each channel."""

import json
from pathlib import Path
from typing import Any

from sandbox.world import CHANNELS, AdAccount, App, NativeUser

APPS: dict[str, tuple[str, str]] = {
    channel: (client_id, secret)
    for channel, (client_id, secret) in json.loads(
        Path(__file__).with_name("apps.json").read_text(encoding="utf-8")
    ).items()
}
"""The app of the start world on each channel: client id and secret. The demo of AdToken reads the same file."""


def start_apps(redirect_bases: list[str]) -> list[App]:
    """One app per channel; their redirect addresses are built from the bases."""
    bases = [base.rstrip("/") for base in redirect_bases]
    return [
        App(channel, *keys, redirect_uris=[f"{base}/link/{channel}/callback/" for base in bases])
        for channel, keys in APPS.items()
    ]


_PEOPLE = {
    "ada": ("Ada Okafor", "AdaOkafor"),
    "ben": ("Ben Lindqvist", "BenLindqvist"),
    "chiara": ("Chiara Rossi", "ChiaraRossi"),
    "emil": ("Emil Novak", "EmilNovak"),
}
_USER_IDS = {
    # in the order of _PEOPLE
    "facebook": ("10215241773831025", "10228604863005643", "10157730912648802", "10163348207715930"),
    "snapchat": (
        "a71cfcae-895d-4314-9460-e2ffd2515dd0",
        "0c3a6be5-5b9c-4d7b-8f5e-9a3d1f2b7c44",
        "d4f8e0a2-6c1b-4b92-9e07-58c6a1b3f0de",
        "9b27c5f1-3e84-4f60-a1d9-7042be6d5a18",
    ),
    "x": ("2417045708", "3160921874", "2893310457", "4471206935"),
    "linkedin": ("HRnXB4kIO7", "qP3vW81tZs", "Lm0yKd5RbE", "xT9cJf2GuA"),
    "pinterest": ("2783136121146311751", "3819017734906426391", "2904415526371180264", "4125338097641152087"),
    "tiktok": ("7012440938512760321", "7025518830147305986", "7038846213590427137", "7049973350268141571"),
}


def start_users() -> list[NativeUser]:
    """Four people, each with a login on every channel."""
    return [
        NativeUser(channel, key, native_id, *_PEOPLE[key], f"{key}@people.example")
        for channel, ids in _USER_IDS.items()
        for key, native_id in zip(_PEOPLE, ids, strict=True)
    ]


_ACCOUNT_IDS = {
    # in the order of start_accounts
    "facebook": (
        "203847561029384",
        "318204957716203",
        "427719305582046",
        "590126384471935",
        "164093827750418",
    ),
    "snapchat": (
        "e4cd371b-8de8-4011-a8d2-860fe77c09e1",
        "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702",
        "c81a9d64-0b5e-47f2-9a3c-d2e5f7081b43",
        "17b3e6f9-94d2-4c0a-b6e8-0a5c3d7f2e61",
        "86e0d4a7-51c9-4e3b-9f12-b7a4c6d8e0f5",
    ),
    "x": ("18ce54d4x5t", "18ce55gq7fk", "18ce563t2hm", "18ce57kw9rz", "18ce4zb1n8c"),
    "linkedin": ("508720451", "509314782", "510086623", "511745904", "502218377"),
    "pinterest": ("549755885175", "549756012348", "549756134902", "549756260071", "549754998816"),
    "tiktok": (
        "7002238017842757633",
        "7014406592318734338",
        "7026631874055290881",
        "7001035076276387841",
        "6987715523890434049",
    ),
}
_BLOCKED: dict[str, dict[str, Any]] = {
    "facebook": {"account_status": 2, "disable_reason": 3},
    "x": {"approval_status": "REJECTED", "able_to_fund": False},
    "linkedin": {"status": "ACTIVE", "details": {"servingStatuses": ["BILLING_HOLD"]}},
    "tiktok": {
        "status": "STATUS_LIMIT",
        "details": {
            "rejection_reason": "1:Your account has been temporarily suspended,endtime:2031-12-31 07:32:13"
        },
    },
    "snapchat": {"status": "PENDING"},
    "pinterest": {"details": {"refuses": 2625}},  # Pinterest has no status: calls say it
}
_CLOSED: dict[str, dict[str, Any]] = {
    "facebook": {"account_status": 101},
    "x": {"approval_status": "CANCELLED"},
    "linkedin": {"status": "CANCELED"},
    "tiktok": {"status": "STATUS_DISABLE"},
    "snapchat": {"status": "DISABLED"},
    "pinterest": {},
}
_IN_ORDER = {"snapchat": "ACTIVE", "linkedin": "ACTIVE", "tiktok": "STATUS_ENABLE"}


def start_accounts() -> list[AdAccount]:
    """Five ad accounts on each channel: three in order, one blocked, one closed."""
    return [account for channel in CHANNELS for account in _accounts_on(channel)]


def _accounts_on(channel: str) -> list[AdAccount]:
    lumen, fern, harbor, marlo, old = _ACCOUNT_IDS[channel]
    berlin, london = ("EUR", "Europe/Berlin"), ("GBP", "Europe/London")
    accounts = [
        AdAccount(
            channel,
            lumen,
            "Lumen Shoes EU",
            *berlin,
            {"ada": "admin", "ben": "advertiser", "chiara": "reader"},
        ),
        AdAccount(channel, fern, "Fern Gardens", *london, {"ada": "admin", "emil": "admin"}),
        AdAccount(channel, harbor, "Harbor Coffee DE", *berlin, {"ben": "admin"}),
        AdAccount(channel, marlo, "Marlo Optics", *berlin, {"ada": "admin", "ben": "advertiser"}),
        AdAccount(channel, old, "Brand EU (old)", *berlin, {"ada": "admin"}),
    ]
    for account in accounts:
        account.status = _IN_ORDER.get(channel, "")
    for account, changes in ((accounts[3], _BLOCKED[channel]), (accounts[4], _CLOSED[channel])):
        for name, value in changes.items():
            setattr(account, name, dict(value) if isinstance(value, dict) else value)
    return accounts
