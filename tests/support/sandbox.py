"""Starts the sandbox process for tests, and sets its switches. Imports no Django."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from sandbox.start import APPS

ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN = 30.0


def dying_with_us(*command: str) -> list[str]:
    """Return the command so that it gets SIGTERM when this process ends, however it ends: a killed test run leaves nothing running."""
    tied = ROOT / "devtools" / "embedded" / "parent_death.py"
    return [sys.executable, "-I", "-S", str(tied), str(os.getpid()), "SIGTERM", *command]


class Sandbox:
    """One sandbox on free ports. `data` keeps its state over a restart.

    Credentials of the start world: APPS. The address of a channel is the attribute of its name: `sandbox.linkedin`.
    People are named by key (ada, ben, chiara, emil), ad accounts by name or id.
    """

    APPS = APPS  # channel: client id, secret
    FACEBOOK_CLIENT_ID, FACEBOOK_SECRET = APPS["facebook"]
    X_CLIENT_ID, X_SECRET = APPS["x"]
    MARKER = "SBXTOKEN"

    def __init__(self, *, data: Path | None = None, redirect_bases: tuple[str, ...] = ()) -> None:
        self.data, self.redirect_bases = data, redirect_bases
        self.process: subprocess.Popen[str] | None = None
        self.base = self.mailbox = self.smtp_host = ""
        self.smtp_port = 0
        self._client: httpx2.Client | None = None
        self.redirects: dict[str, list[str]] = {}  # of each channel's own app, as far as `put_app` set them

    def __getattr__(self, name: str) -> str:
        """Return the address of the channel of this name."""
        if name not in APPS:
            raise AttributeError(name)
        return f"{self.base}/{name}"

    def start(self) -> Self:
        """Start the process and wait until it serves."""
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--mail-port", "0", "--mailbox-port", "0"]
        if self.data is not None:
            command += ["--data", str(self.data)]
        for base in self.redirect_bases:
            command += ["--redirect-base", base]
        self.redirects.clear()
        self.process = subprocess.Popen(dying_with_us(*command), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox ended with status {self.process.wait()} before it was ready")
        ready = json.loads(line)
        self.base, self.mailbox = ready["sandbox"], ready["mailbox"]
        self.smtp_host, _, port = ready["smtp"].partition(":")
        self.smtp_port = int(port)
        self._client = httpx2.Client(timeout=60, trust_env=False, verify=False)
        return self

    def stop(self) -> int:
        """End the process by SIGTERM; gives its exit status."""
        if self._client is not None:
            self._client.close()
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(STOP_WITHIN)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- calls

    def control(self, method: str, path: str, body: Any = None, /, **query: str) -> Any:
        """One call of the control API; raises RuntimeError with its message when it refuses."""
        return self._json(method, f"{self.base}/_control/{path}", body, query)

    def _json(self, method: str, url: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        assert self._client is not None, "start() first"
        response = self._client.request(method, url, json=body, params=query or None)
        if response.is_error:
            raise RuntimeError(f"{method} {url}: {response.status_code} {response.text}")
        return response.json()

    def reset(self) -> None:
        """The start world at the real time, no faults or limits, an empty log and an empty mailbox; redirect addresses stay."""
        self.control("POST", "reset")
        self.delete_mails()

    def keep(self, name: str = "") -> None:
        """Have the world remembered as it is now, under a name."""
        self.control("POST", "keep", {"name": name})

    def put_back(self, name: str = "") -> None:
        """The world that was kept under this name, at the real time, without faults and with an empty log."""
        self.redirects.clear()
        self.control("POST", "put_back", {"name": name})

    def state(self) -> Any:
        """Everything there is, tokens included."""
        return self.control("GET", "state")

    # ---- apps, people, ad accounts

    def put_app(self, channel: str, **fields: Any) -> Any:
        """Set client_id, secret, redirect_uris, proof_required, suspended, deauthorise_url, name."""
        if "redirect_uris" in fields and "client_id" not in fields:
            self.redirects[channel] = fields["redirect_uris"]
        return self.control("PUT", f"apps/{channel}", fields)

    def put_webhook(self, channel: str, url: str, **fields: Any) -> None:
        """Enter a webhook at the app (facebook with verify_token, x); raises RuntimeError where the address fails the test."""
        self.control("PUT", f"webhooks/{channel}", {"url": url, **fields})

    def request_deletion(self, user: str) -> Any:
        """Facebook: the person asks for the deletion of their data. Gives what our address answered."""
        self.action("facebook", user, "request_deletion")
        app = next(app for app in self.state()["apps"] if app["channel"] == "facebook")
        return app["settings"].get("deletion_answer")

    def put_user(self, channel: str, key: str, **fields: Any) -> Any:
        """Create a native user or change id, name, screen_name, email."""
        return self.control("PUT", f"users/{channel}/{key}", fields)

    def put_account(self, channel: str, account: str, **fields: Any) -> Any:
        """Create an ad account or change name, currency, time_zone, roles and its native status."""
        return self.control("PUT", f"accounts/{channel}/{account}", fields)

    def action(self, channel: str, user: str, action: str, **fields: Any) -> Any:
        """One action of or to a person."""
        return self.control("POST", f"users/{channel}/{user}/{action}", fields)

    def change_password(self, channel: str, user: str) -> None:
        """Facebook: all tokens of the person die with 460. X: no effect."""
        self.action(channel, user, "change_password")

    def cancel_authorisation(self, channel: str, user: str, client_id: str | None = None) -> None:
        """The person removes the app (all apps without client_id)."""
        self.action(channel, user, "cancel_authorisation", **({"client_id": client_id} if client_id else {}))

    def suspend(self, channel: str, user: str, on: bool = True) -> None:
        """The channel suspends the person."""
        self.action(channel, user, "suspend", on=on)

    def set_consent(self, user: str, **fields: Any) -> None:
        """Facebook: change `scopes` or ticked `accounts` of a standing grant."""
        self.action("facebook", user, "consent", **fields)

    def give_role(self, channel: str, account: str, user: str, role: str) -> None:
        """Give a role: admin, advertiser or reader."""
        self.control("PUT", f"accounts/{channel}/{account}/roles/{user}", {"role": role})

    def drop_role(self, channel: str, account: str, user: str) -> None:
        """Take the person off the ad account."""
        self.control("DELETE", f"accounts/{channel}/{account}/roles/{user}")

    def set_account_status(self, channel: str, account: str, **status: Any) -> None:
        """Facebook: account_status, disable_reason. X: approval_status, able_to_fund."""
        self.put_account(channel, account, **status)

    # ---- tokens

    def issue_token(self, channel: str, user: str, **fields: Any) -> Any:
        """A token without the consent page; fields: scopes, accounts, client_id, issued_at, expires_at, ..."""
        return self.control("POST", "tokens/issue", {"channel": channel, "user": user, **fields})

    def next_token(self, **fields: Any) -> Any:
        """Order the next token answer: channel, kind (code, refresh, of Facebook exchange), user, put, omit, count."""
        return self.control("POST", "tokens/next", fields)

    def expire_now(self, **which: str) -> int:
        """Let the tokens of `user` run out."""
        return int(self.control("POST", "tokens/expire_now", which)["changed"])

    def set_dates(self, **fields: Any) -> int:
        """Set expires_at, issued_at, data_access_expires_at of all tokens of `user`."""
        return int(self.control("POST", "tokens/dates", fields)["changed"])

    def set_clock(self, *, now: int | None = None, offset: int = 0) -> None:
        """Move the time of the sandbox to `now`, or `offset` seconds from the real one."""
        self.control("POST", "clock", {"now": now} if now is not None else {"offset": offset})

    # ---- trouble and what was called

    def add_fault(self, channel: str, **fields: Any) -> int:
        """Order trouble: path, method, user, status, headers, body, delay, late, drop, count. Gives its id."""
        return int(self.control("POST", "faults", {"channel": channel, **fields})["id"])

    def clear_faults(self) -> None:
        """No more trouble."""
        self.control("DELETE", "faults")

    def calls(self, **filters: str) -> list[dict[str, Any]]:
        """The log of calls, oldest first; filters: channel, method, status, path (a regular expression)."""
        found: list[dict[str, Any]] = self.control("GET", "calls", None, **filters)
        return found

    def clear_calls(self) -> None:
        """Empty the log of calls."""
        self.control("DELETE", "calls")

    def reset_x_rate_limit(self) -> None:
        """Forget what was counted of five in 15 minutes."""
        self.control("DELETE", "x/rate_limit")

    # ---- mails

    def mails(self, **filters: str) -> list[dict[str, Any]]:
        """The mails, newest first; filters: to, subject."""
        found: list[dict[str, Any]] = self._json("GET", f"{self.mailbox}/mails.json", None, filters)
        return found

    def delete_mails(self) -> None:
        """Empty the mailbox."""
        self._json("DELETE", f"{self.mailbox}/mails")

    def set_smtp(self, **rules: Any) -> None:
        """Set delay, late; what is left out goes back to normal."""
        self.control("POST", "smtp", rules)
