"""Sending what a stand-in tells an app of itself. An address that does not answer is logged: no channel waits for one."""

import logging
from typing import Any

import httpx2

log = logging.getLogger("uvicorn.error")


class WebhookError(Exception):
    """The address did not prove that it is the app's; the text says what it answered."""


async def send(url: str, *, timeout: float, **what: Any) -> httpx2.Response | None:
    """Post to an address of an app: `data`, `json`, or `content` with `headers`. Returns what it answered, None where it did not."""
    try:
        async with httpx2.AsyncClient(timeout=timeout, trust_env=False) as client:
            return await client.post(url, **what)
    except httpx2.HTTPError as error:
        log.warning("telling %s failed: %r", url, error)
        return None


async def challenge(url: str, params: dict[str, str], *, timeout: float) -> httpx2.Response:
    """Ask an address to prove itself. Raises WebhookError where it does not answer."""
    try:
        async with httpx2.AsyncClient(timeout=timeout, trust_env=False) as client:
            return await client.get(url, params=params)
    except httpx2.HTTPError as error:
        raise WebhookError(f"the address does not answer: {error!r}") from error
