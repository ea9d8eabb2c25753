"""The limit of a lease over HTTP: an ASGI application without a framework, on uvicorn with uvloop and asyncpg.

It does what no service that leases can leave out: find the key by its hash, read the account's token by one index, decrypt, note the use.
It checks no right and validates nothing. With BARE_RECORD=1 it adds the row of the record before it answers. Only to measure beside it.
"""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the library ships no types
from cryptography.fernet import Fernet

CONNECTIONS = 4  # of each of the two processes, as the product has threads
HOUR = timedelta(hours=1)
KEY = "select id, name, last_used_at from accounts_apikey where sha256 = $1 and revoked_at is null"
READ = """
select a.id, t.id, t.generation, t.credentials, t.last_used_at
from accounts_account a join tokens_token t on t.id = a.active_token_id
where a.channel = $1 and a.native_id = $2
"""
NOTE = "update tokens_token set last_used_at = $2 where id = $1"
RECORD = """
insert into accounts_leaserecord
    (at, kind, key_id, caller, address, account_id, token_id, generation, purpose, lease_hash, request)
values ($1, 'lease', $2, $3, '127.0.0.1', $4, $5, $6, 'publish', $7, '')
"""


class Service:
    """What each process keeps."""

    fernet = Fernet(os.environ["FERNET_KEYS"].partition(",")[0])
    records = os.environ.get("BARE_RECORD") == "1"
    pool: asyncpg.Pool

    async def begin(self) -> None:
        """Connect."""
        self.pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS
        )

    async def lease(self, path: str, key: bytes) -> bytes | None:
        """Return the answer to `POST /api/v1/accounts/{channel}/{native_id}/lease`; None: no such key or account."""
        channel, native_id = path.split("/")[4:6]
        now = datetime.now(UTC)
        digest = hashlib.sha256(key.removeprefix(b"Bearer ")).hexdigest()
        async with self.pool.acquire() as connection:
            caller = await connection.fetchrow(KEY, digest)
            row = caller and await connection.fetchrow(READ, channel, native_id)
            if row is None:
                return None
            account, token, generation, credentials, used = row
            opened = json.loads(self.fernet.decrypt(credentials))
            if used is None or now - used > HOUR:
                await connection.execute(NOTE, token, now)
            if self.records:
                name = hashlib.sha256(f"{token}:{now}".encode()).hexdigest()[:32]
                await connection.execute(RECORD, now, caller[0], caller[1], account, token, generation, name)
        return json.dumps({"token": opened["data"]["access_token"]}).encode()


service = Service()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer as ASGI 3 has it."""
    if scope["type"] == "lifespan":
        await receive()
        await service.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body, status = b"{}", 200
    if scope["path"] != "/readyz":
        while (await receive()).get("more_body"):
            pass
        found = await service.lease(scope["path"], dict(scope["headers"]).get(b"authorization", b""))
        body, status = (found, 200) if found is not None else (b"{}", 404)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
