"""The state of the sandbox: held in memory, kept in a JSON file when one is given."""

import asyncio
import contextlib
import copy
import json
import secrets
import string
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.mailbox.mails import Mail
from sandbox.start import start_accounts, start_apps, start_users
from sandbox.world import (
    MARKER,
    AdAccount,
    App,
    Campaign,
    FacebookCode,
    FacebookToken,
    Grant,
    NativeUser,
    OauthCode,
    OauthToken,
    Order,
    Record,
    XRequestToken,
    XToken,
)

SAVE_AFTER = 0.05
"""Seconds that changes are gathered before they are written."""

_LETTERS = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """Letters and digits, good in addresses and headers."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def random_number(digits: int) -> str:
    """A decimal id of exactly that many digits."""
    return str(10 ** (digits - 1) + secrets.randbelow(9 * 10 ** (digits - 1)))


class UnknownNameError(LookupError):
    """A name in a control call that the world does not hold. The text says which, and what there is."""


class Store:
    """All records, with look-ups by the names people use. Whoever changes a record calls `changed()`."""

    def __init__(self, *, path: Path | None = None, redirect_bases: Iterable[str] = ()) -> None:
        self.path = path
        self.mails: list[Mail] = []
        self.next_mail_id = 1
        self.clock_offset = 0
        self._dirty = asyncio.Event()
        self._kept: dict[str, dict[str, Any]] = {}  # worlds by the names they were kept under
        self.apps: list[App] = start_apps(list(redirect_bases))
        self._fill()
        if path is not None and path.exists():
            self._load(json.loads(path.read_text("utf-8")))
        if redirect_bases:
            self._add_redirects(start_apps(list(redirect_bases)))

    def _fill(self) -> None:
        self.users: list[NativeUser] = start_users()
        self.accounts: list[AdAccount] = start_accounts()
        self.grants: list[Grant] = []
        self.codes: dict[str, FacebookCode] = {}
        self.facebook_tokens: dict[str, FacebookToken] = {}
        self.x_request_tokens: dict[str, XRequestToken] = {}
        self.x_tokens: dict[str, XToken] = {}
        self.oauth_codes: dict[str, OauthCode] = {}
        self.oauth_tokens: dict[str, OauthToken] = {}  # by the access token that is good now
        self.orders: list[Order] = []
        self.campaigns: dict[str, Campaign] = {}
        self.uploads: dict[str, dict[str, Any]] = {}  # by session or media id; forgotten by a restart

    def _add_redirects(self, apps: list[App]) -> None:
        for fresh in apps:
            for app in self.apps:
                if (app.channel, app.client_id) == (fresh.channel, fresh.client_id):
                    app.redirect_uris += [uri for uri in fresh.redirect_uris if uri not in app.redirect_uris]

    def reset(self) -> None:
        """Back to the start world. Apps keep their redirect addresses; secrets and switches go back."""
        kept = {(app.channel, app.client_id): app.redirect_uris for app in self.apps}
        self.apps = start_apps([])
        for app in self.apps:
            app.redirect_uris = kept.get((app.channel, app.client_id), [])
        self.clock_offset = 0
        self._fill()
        self.changed()

    def keep(self, under: str) -> None:
        """Remember the world as it is, for `put_back`."""
        self._kept[under] = copy.deepcopy({name: getattr(self, name) for name in _WORLD})

    def put_back(self, kept_under: str) -> None:
        """Back to what `keep` remembered under this name, as often as is asked for. Raises UnknownNameError."""
        if kept_under not in self._kept:
            raise UnknownNameError(f"no world was kept as {kept_under!r}")
        for name, records in copy.deepcopy(self._kept[kept_under]).items():
            setattr(self, name, records)
        self.clock_offset = 0
        self.changed()

    def now(self) -> int:
        """The time of the stand-in world: the machine's clock, moved by the control API."""
        return int(time.time()) + self.clock_offset

    # ---- look-ups

    def app(self, channel: str, client_id: str) -> App | None:
        """The app with exactly this id."""
        return next((a for a in self.apps if a.channel == channel and a.client_id == client_id), None)

    def user(self, channel: str, name: str) -> NativeUser:
        """A native user by key, id, full name or screen name; raises UnknownNameError."""
        names = [u for u in self.users if u.channel == channel]
        for user in names:
            if name in (user.key, user.id, user.name, user.screen_name):
                return user
        raise UnknownNameError(
            f"no native user {name!r} on {channel!r}; known: {', '.join(u.key for u in names)}"
        )

    def account(self, channel: str, name: str) -> AdAccount:
        """An ad account by id (with or without act_) or name; raises UnknownNameError."""
        accounts = [a for a in self.accounts if a.channel == channel]
        for account in accounts:
            if name.removeprefix("act_") == account.id or name == account.name:
                return account
        known = ", ".join(f"{a.id} ({a.name})" for a in accounts)
        raise UnknownNameError(f"no ad account {name!r} on {channel!r}; known: {known}")

    def ad_account(self, channel: str, native_id: str) -> AdAccount | None:
        """The ad account with exactly this id."""
        return next((a for a in self.accounts if (a.channel, a.id) == (channel, native_id)), None)

    def accounts_of(self, channel: str, user_key: str) -> list[AdAccount]:
        """The ad accounts on which the person has any role, in the order they were made."""
        return [a for a in self.accounts if a.channel == channel and user_key in a.roles]

    def grant(self, client_id: str, user_key: str) -> Grant | None:
        """What this Facebook user allows this app at present."""
        return next((g for g in self.grants if (g.client_id, g.user) == (client_id, user_key)), None)

    def owner_of(self, credential: str) -> NativeUser | None:
        """The native user whose token, request token or code this is."""
        facebook = self.facebook_tokens.get(credential) or self.codes.get(credential)
        if facebook is not None:
            return self._by_key("facebook", facebook.user)
        pair = self.x_tokens.get(credential) or self.x_request_tokens.get(credential)
        if pair is not None:
            return self._by_key("x", pair.user)
        other = (
            self.oauth_codes.get(credential) or self.oauth_token(credential) or self.oauth_spent(credential)
        )
        return self._by_key(other.channel, other.user) if other is not None else None

    def oauth_token(self, credential: str) -> OauthToken | None:
        """The consent whose present access token or refresh token this is (Snapchat, LinkedIn, Pinterest, TikTok)."""
        found = self.oauth_tokens.get(credential)
        if found is not None or not credential:
            return found
        return next((t for t in self.oauth_tokens.values() if t.refresh_token == credential), None)

    def oauth_spent(self, credential: str) -> OauthToken | None:
        """The consent of which this was an access token or refresh token once."""
        return next((t for t in self.oauth_tokens.values() if credential in t.spent), None)

    def _by_key(self, channel: str, key: str) -> NativeUser | None:
        return next((u for u in self.users if u.channel == channel and u.key == key), None)

    def take_order(self, channel: str, kind: str, user: str) -> Order | None:
        """The next order for token answers of this kind, used up."""
        for order in self.orders:
            if order.channel == channel and order.kind in ("", kind) and order.user in ("", user):
                order.count -= 1
                if order.count <= 0:
                    self.orders.remove(order)
                return order
        return None

    # ---- making tokens

    def new_facebook_token(self) -> str:
        """A fresh access token string."""
        return f"EAAB-{MARKER}-{random_text(120)}"

    def new_x_pair(self, user: NativeUser) -> tuple[str, str]:
        """A fresh (token, token secret)."""
        return f"{user.id}-{MARKER}{random_text(32)}", f"{MARKER}{random_text(37)}"

    def new_oauth_text(self, prefix: str, length: int) -> str:
        """A fresh access or refresh token string of that many random characters."""
        return f"{prefix}{MARKER}{random_text(length)}"

    # ---- the file

    def changed(self) -> None:
        """Say that the state moved on; the saver writes it soon."""
        self._dirty.set()

    async def keep_saved(self) -> None:
        """Write the file after changes, until cancelled, and then once more if something is open."""
        try:
            while True:
                await self._dirty.wait()
                await asyncio.sleep(SAVE_AFTER)
                self._save()
        except asyncio.CancelledError:
            if self._dirty.is_set():
                self._save()
            raise

    def _save(self) -> None:
        self._dirty.clear()
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(self.path.name + ".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.as_json()), "utf-8")
        draft.replace(self.path)

    def as_json(self) -> dict[str, Any]:
        """The whole state, as it is in the file."""
        data: dict[str, Any] = {name: [asdict(row) for row in getattr(self, name)] for name in _LISTS}
        for name in _MAPS:
            data[name] = [asdict(row) for row in getattr(self, name).values()]
        data["clock_offset"] = self.clock_offset
        data["next_mail_id"] = self.next_mail_id
        return data

    def _load(self, data: dict[str, Any]) -> None:
        for name, kind in _LISTS.items():
            if name in data:
                setattr(self, name, [kind.from_json(row) for row in data[name]])
        for name, (map_kind, key) in _MAPS.items():
            rows = [map_kind.from_json(row) for row in data.get(name, [])]
            setattr(self, name, {getattr(row, key): row for row in rows})
        self.clock_offset = int(data.get("clock_offset", 0))
        self.next_mail_id = int(data.get("next_mail_id", len(self.mails) + 1))


_LISTS: dict[str, type[Record]] = {
    "apps": App,
    "users": NativeUser,
    "accounts": AdAccount,
    "grants": Grant,
    "orders": Order,
    "mails": Mail,
}
_MAPS: dict[str, tuple[type[Record], str]] = {
    "codes": (FacebookCode, "code"),
    "facebook_tokens": (FacebookToken, "token"),
    "x_request_tokens": (XRequestToken, "token"),
    "x_tokens": (XToken, "token"),
    "oauth_codes": (OauthCode, "code"),
    "oauth_tokens": (OauthToken, "token"),
    "campaigns": (Campaign, "id"),
}


_WORLD = [name for name in (*_LISTS, *_MAPS) if name != "mails"]


@contextlib.asynccontextmanager
async def saving(store: Store) -> Any:
    """Keep the file up to date while the block runs."""
    saver = asyncio.create_task(store.keep_saved())
    try:
        yield store
    finally:
        saver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saver
