"""What becomes of a job's request: refuse it in the channel's own words, or send it there with these headers and query.

One function for everything that stands in front of a channel: our proxy, and engines that ask by HTTP (nginx `auth_request`).
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import psycopg
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError

from accounts.models import ApiKey
from broker.gate import owners, placed
from broker.gate.credentials import Credential, NoCredential, read_credential
from broker.gate.threads import in_thread, once
from broker.leases import services as leases
from broker.leases import slow
from broker.leases.callers import Caller
from broker.leases.errors import BrokerError, Busy, NotAvailable, NotFound
from broker.leases.queries import READ_FOR_KEY, LeaseRow, servable, spare
from broker.leases.texts import text
from infra import async_database
from tokens.channel_apps.models import keys_by_version
from tokens.channels import gate, paths, registry
from tokens.channels.addresses import configured
from tokens.channels.base import Channel
from tokens.channels.kinds import Answer, AppKeys, Credentials
from tokens.channels.parameters import FilesForm, Refused
from tokens.channels.paths import Allowed
from tokens.vault.services import VaultError
from users.installation import hold

logger = logging.getLogger(__name__)


@dataclass(repr=False)
class Asked:
    """A request as it came. Never printed: it carries the credential."""

    channel: str  # "facebook"
    host: str  # which of the channel's hosts: "" is that of its ads API, else as its table of paths names it ("video")
    method: str
    path: str  # what follows the base address, as it was sent, with its first slash: "/v26.0/act_1/campaigns"
    query: str  # as it was sent
    headers: Mapping[str, str]  # names in lower case; none that `Connection` names
    body: bytes | None = (
        None  # where it is whole and at most 1 MiB; None: longer, and the path alone has to decide
    )
    address: str | None = None  # where the call comes from


@dataclass(frozen=True)
class Refusal:
    """An answer that is ours, in the channel's shape, which is always JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(repr=False)
class Sending:
    """How the request goes to the channel, and as whom. Never printed."""

    url: str  # whole, with its query
    headers: Mapping[str, str]  # all that are sent, names in lower case; none of one connection
    body: bytes | None  # sent in place of the one that came, where that was read
    caller: Caller
    credential: Credential
    text: str  # the credential as the caller wrote it: what stands in answers in place of a token
    row: LeaseRow  # account, token and app
    app: gate.App
    secrets: tuple[str, ...]  # what no answer may hold: access token, its secret, proofs
    repeatable: bool  # it reads, however it is written: a second try does no harm
    upload: bool = False  # a part of an upload, which stays with the log-in that began it
    batch: bool = False  # its answer is a list with a status for each item
    form: FilesForm | None = None  # a long body, which passes only as far as it was read


AWAY = 5  # seconds after which whoever met a PostgreSQL that is away comes again
LONG_TO_READ = 64 * 1024  # bytes: JSON of 1 MiB takes 0.1 s, for which others would wait
USED_NOTED_EVERY = timedelta(hours=1)  # of a key


class _Answered(Exception):  # noqa: N818  # an answer
    """What the job asks for is answered here: in the channel's place, or as the channel answered a question about it."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.refusal = Refusal(status, json.dumps(body).encode())


_REFUSING = (Refused, NoCredential, BrokerError, hold.OnHold, VaultError, psycopg.Error, DatabaseError)


async def decide(asked: Asked, *, now: datetime) -> Sending | Refusal:
    """Decide by the credential, what holds now of its key and account, and the channel's table of paths."""
    native = registry.CHANNELS.get(asked.channel)
    if native is None or asked.host not in native.paths.hosts:
        return _no_channel()
    try:
        return await _Decision(native, asked, now).make()
    except _Answered as answered:
        return answered.refusal
    except _REFUSING as error:
        return _refusal(native, error)


def look_at_head(asked: Asked, now: datetime) -> Refusal | int:
    """Refuse a request whose head shows that nobody may make it, before its body is read; else return the key by its credential, or 0."""
    native = registry.CHANNELS.get(asked.channel)
    if native is None:
        return _no_channel()
    try:
        _refuse_ignored(native, asked)
        found = placed.find(asked.query, asked.headers, None)
        if found.text or not placed.is_form(asked.headers):
            return read_credential(found.text, now=now).key_id
    except (Refused, NoCredential) as error:
        return _refusal(native, error)
    return 0


def _no_channel() -> Refusal:
    return Refusal(404, json.dumps({"message": text("gate_no_channel")}).encode())


def _refuse_ignored(native: Channel, asked: Asked) -> None:
    ignored = native.paths.ignored
    if ignored is not None and ignored.fullmatch(asked.path.strip("/")):
        raise Refused("Nothing is passed on of this.", 404)


def _refusal(native: Channel, error: Exception) -> Refusal:
    status, why, headers = _why_not(error)
    status, body = native.paths.refuse(status, why)
    return Refusal(status, json.dumps(body).encode(), headers)


def _why_not(error: Exception) -> tuple[int, str, dict[str, str]]:
    """Return status, text and headers of a refusal."""
    match error:
        case Refused():
            return error.status, f"AdToken: {str(error).removeprefix('AdToken: ')}", {}
        case NoCredential():
            return 401, text(str(error)), {}
        case NotFound():
            return 403, text("gate_no_account"), {}
        case NotAvailable():
            said = " ".join([str(error), *error.steps])
            return 403, f"AdToken: {said}", {"adtoken-reason": error.reason}
        case Busy():
            return 503, f"AdToken: {error}", {"retry-after": str(error.retry_after)}
        case hold.OnHold():
            return 503, f"AdToken: {error}", {"retry-after": str(hold.RETRY_AFTER)}
        case VaultError():
            logger.error("stored credentials do not open: %s", error)
            return 503, text("does_not_open"), {}
    logger.error("PostgreSQL did not answer the gate: %s", type(error).__name__)
    return 503, text("gate_no_database"), {"retry-after": str(AWAY)}


@dataclass(frozen=True)
class _Decision:
    """One request, as its questions are asked one after the other. Each raises what refuses it."""

    native: Channel
    asked: Asked
    now: datetime

    async def make(self) -> Sending:
        """Return how it is sent. On the ordinary path: one read, no thread."""
        found = placed.find(self.asked.query, self.asked.headers, self.asked.body)
        _refuse_ignored(self.native, self.asked)
        credential = read_credential(found.text, now=self.now)
        if not hold.refuse_by_memory():
            await once("hold", hold.refuse)
        row, caller, used_at = await self._read(credential)
        if used_at is None or self.now - used_at > USED_NOTED_EVERY:
            await in_thread(_note_key, caller.key_id, self.now)
        if len(found.body or b"") > LONG_TO_READ:
            allowed = await in_thread(self._allow, found, row, credential)
        else:
            allowed = self._allow(found, row, credential)
        row = await self._serving(row, caller, credential)
        row = await self._owned(allowed, row, caller, credential)
        keys = await _keys(row)
        if allowed.rule.answers is not None:
            raise _Answered(200, allowed.rule.answers(keys.client_id))
        return self._sending(found, allowed, row, caller, credential, keys)

    async def _read(self, credential: Credential) -> tuple[LeaseRow, Caller, datetime | None]:
        """Read account and key, and when that was last used. Raises NoCredential, NotFound, Refused."""
        facts = {
            "account": credential.account_id,
            "key": credential.key_id,
            "mark": credential.mark,
            "now": self.now,
            "token": None,
        }
        found = await async_database.read(READ_FOR_KEY, facts)
        if not found:
            raise NoCredential("gate_key_over")
        row, (name, channels, scopes, teams, used_at) = LeaseRow(*found[0][:-5]), found[0][-5:]
        caller = Caller(
            credential.key_id,
            name,
            self.asked.address,
            frozenset(teams),
            frozenset(channels) or None,
            frozenset(scopes),
        )
        if not caller.reaches(channel=row.channel, team_id=row.team_id):
            raise NotFound
        if row.channel != self.native.key:
            raise Refused(
                f"This credential is for an ad account at {row.channel}: send it to /proxy/{row.channel}.",
                401,
            )
        if not caller.may(ApiKey.Scope.GATE):
            raise Refused(text("gate_scope"))
        return row, caller, used_at

    def _allow(self, found: placed.Found, row: LeaseRow, credential: Credential) -> Allowed:
        request = paths.Request(
            self.asked.method, self.asked.path, found.query, self.asked.headers, found.body, self.asked.host
        )
        return paths.allow(self.native.paths, request, native_id=row.native_id, purpose=credential.purpose)

    async def _serving(self, row: LeaseRow, caller: Caller, credential: Credential) -> LeaseRow:
        """Return the account with a token that serves: its active one, or what the slow way finds. Raises NotAvailable, Busy."""
        purpose, now = credential.purpose, self.now
        if not servable(row, now + spare(row.channel), purpose):
            row = await in_thread(slow.find_slowly, caller, row, now, purpose, now, slow.wait_for_longer)
        if leases.use_is_due(row, now):
            await in_thread(leases.note_uses, [row], now)
        return row

    async def _owned(
        self, allowed: Allowed, row: LeaseRow, caller: Caller, credential: Credential
    ) -> LeaseRow:
        """Return the row that goes on, once all objects are known to be the account's. Raises Refused, NotAvailable, Busy."""
        for one in allowed.objects:
            if owners.is_known(row, one):
                continue
            said, row = await in_thread(owners.look, caller, row, one, credential.purpose, self.now)
            if isinstance(said, Answer):
                raise _Answered(said.status, said.body)
            if said:
                raise Refused(
                    f"{one[1]} is not known to belong to ad account {row.native_id}, which this credential is for."
                )
        return row

    def _sending(
        self,
        found: placed.Found,
        allowed: Allowed,
        row: LeaseRow,
        caller: Caller,
        credential: Credential,
        keys: AppKeys,
    ) -> Sending:
        """Put the token where the credential stood. Raises VaultError, Refused."""
        credentials = leases.open_credentials(row, keys)
        send = self.native.send(keys, credentials)
        query = "&".join(filter(None, (found.query, urlencode(send.query))))
        url = f"{configured(self.native.paths.hosts[self.asked.host])}{self.asked.path}{'?' if query else ''}{query}"
        headers = {
            **{name.lower(): value for name, value in send.headers.items()},
            **placed.passed(self.asked.headers),
        }
        if self.native.signs:
            headers["authorization"] = self._signature(found, url, row, credential, keys, credentials)
        return Sending(
            url=url,
            headers=headers,
            body=found.body,
            caller=caller,
            credential=credential,
            text=found.text,
            row=row,
            app=gate.App(self.native, keys.client_id),
            secrets=tuple(filter(None, (credentials.access_token, credentials.secret, *send.query.values()))),
            repeatable=allowed.repeatable,
            upload=allowed.rule.kind == "upload",
            batch=allowed.rule.kind == "batch",
            form=allowed.form,
        )

    def _signature(
        self,
        found: placed.Found,
        url: str,
        row: LeaseRow,
        credential: Credential,
        keys: AppKeys,
        credentials: Credentials,
    ) -> str:
        """Sign a request with the parameters of its form, which count (RFC 5849, section 3.4.1.3); other bodies do not."""
        is_form = placed.is_form(self.asked.headers)
        pairs = parse_qsl((found.body or b"").decode(), keep_blank_values=True) if is_form else []
        if len(dict(pairs)) != len(pairs) or (is_form and found.body is None):
            raise Refused("A form that is signed has each parameter once, and at most 1 MiB.")
        return self.native.sign(
            keys,
            credentials,
            native_id=row.native_id,
            purpose=credential.purpose,
            method=self.asked.method,
            url=url,
            params=dict(pairs),
        )


async def _keys(row: LeaseRow) -> AppKeys:
    try:
        return keys_by_version(row.app_id, row.app_version)
    except SynchronousOnlyOperation:  # it asks PostgreSQL, once
        return await in_thread(keys_by_version, row.app_id, row.app_version)


def _note_key(key_id: int, now: datetime) -> None:
    ApiKey.objects.filter(pk=key_id).update(last_used_at=now)
