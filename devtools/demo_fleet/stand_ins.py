"""What the demo does at the stand-ins, by their control API and their consent pages. Loopback only: the demo runs nowhere else."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from devtools.demo_fleet.cast import ACCOUNTS, IMPORTED, PEOPLE, STRANGERS, AdAccount
from tokens.channels.registry import CHANNELS


class StandIns:
    """The sandbox at one address."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self.http = httpx2.Client(timeout=15, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Turn a knob. Raises httpx2.HTTPStatusError with the sandbox's word where it refuses."""
        answer = self.http.request(method, f"{self.base}/_control/{path}", json=body or {})
        answer.raise_for_status()
        return answer.json()

    def set_up(self) -> None:
        """Make the people's log-ins and the clients' ad accounts."""
        for channel in CHANNELS:
            for key, name in ({person.key: person.name for person in PEOPLE} | STRANGERS).items():
                self.control("PUT", f"users/{channel}/{key}", {"name": name})
        for account in (*ACCOUNTS, *IMPORTED):
            self.put(account, name=account.name, currency=account.currency, roles=account.roles)

    def put(self, account: AdAccount, **fields: Any) -> None:
        """Create or change an ad account."""
        self.control("PUT", f"accounts/{account.channel}/{account.native_id}", fields)

    def action(self, channel: str, person: str, action: str) -> None:
        """Let a person, or the channel to a person, do something: change_password, cancel_authorisation, suspend."""
        self.control("POST", f"users/{channel}/{person}/{action}")

    def consent(self, address: str, person: str) -> str:
        """Log in at a channel as this person, allow everything, and return the address that the browser is sent back to.

        Raises RuntimeError where it is not sent back.
        """
        parts = urlsplit(address)
        page = self.http.get(f"{address}&user={person}").text
        form: dict[str, Any] = dict(parse_qsl(parts.query)) | {
            "user": person,
            "accounts": re.findall(r'name="accounts" value="([\w-]+)"', page),
            "scopes": re.findall(r'name="scopes" value="([\w:. ]+)"', page),
            "action": re.findall(r'name="action" value="(continue|authorize|allow)"', page)[0],
        }
        answer = self.http.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data=form)
        if answer.status_code != 302:
            raise RuntimeError(f"The stand-in did not send {person} back: {answer.text[:300]}")
        return str(answer.headers["location"])
