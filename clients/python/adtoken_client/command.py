"""The command `adtoken`. It reads ADTOKEN_URL and ADTOKEN_KEY, so that no key stands in a list of processes."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from adtoken_client import doctor
from adtoken_client.client import AdToken
from adtoken_client.problems import AdTokenError

DARK = ("deactivated", "restricted")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Status 1: AdToken refused, or the doctor found something."""
    asked = _parser().parse_args(arguments)
    if asked.command == "doctor":
        return doctor.main()
    try:
        with AdToken() as adtoken:
            for line in _COMMANDS[asked.command](adtoken, asked):
                sys.stdout.write(f"{line}\n")
    except (AdTokenError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.writelines(f"- {step}\n" for step in getattr(error, "steps", []))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adtoken", description="Ask AdToken. ADTOKEN_URL and ADTOKEN_KEY say which, and who asks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    accounts = commands.add_parser("accounts", help="list ad accounts")
    accounts.add_argument("--channel")
    accounts.add_argument(
        "--state", choices=["connected", "interrupted", "deactivated", "paused", "restricted"]
    )
    accounts.add_argument(
        "--days", type=int, metavar="N", help="that stop within so many days, or have stopped"
    )
    commands.add_parser("dark", help="accounts for which only a person can help, and what to do")
    ask = commands.add_parser("ask", help="have people asked to re-authenticate, to link, or to give access")
    ask.add_argument("kind", choices=["renew", "second_person", "client_link"])
    ask.add_argument("accounts", nargs="*", metavar="CHANNEL/ID")
    ask.add_argument("--email")
    ask.add_argument("--team")
    ask.add_argument("--channel", action="append", dest="channels")
    ask.add_argument("--note")
    ask.add_argument(
        "--no-mail",
        action="store_false",
        dest="send_mail",
        default=None,
        help="client_link: print its address instead",
    )
    credential = commands.add_parser("credential", help="make a credential of the gate: prints a secret")
    credential.add_argument("account", metavar="CHANNEL/ID")
    credential.add_argument("--purpose", choices=["publish", "read"], default="publish")
    credential.add_argument("--days", type=int, default=30)
    lease = commands.add_parser("lease", help="lease a token, to see whether one is given")
    lease.add_argument("account", metavar="CHANNEL/ID")
    lease.add_argument("--purpose", choices=["publish", "read"], default="publish")
    lease.add_argument("--send", action="store_true", help="print also what is to be sent: a secret")
    events = commands.add_parser("events", help="what happened in the last 30 days, a JSON object a line")
    events.add_argument("--after", default="0", metavar="SEQUENCE")
    commands.add_parser("doctor", help="check address, key, scopes and clock, and say what to do")
    return parser


def _accounts(adtoken: AdToken, asked: argparse.Namespace) -> Any:
    found = adtoken.accounts(channel=asked.channel, state=asked.state, deadline_within_days=asked.days)
    for one in found:
        until = one["deadline"] or one["deadline_kind"]
        yield "\t".join(
            [f"{one['channel']}/{one['native_id']}", one["state"], until, one["team"], one["name"]]
        )


def _dark(adtoken: AdToken, asked: argparse.Namespace) -> Any:  # noqa: ARG001  # all commands are called alike
    for state in DARK:
        for one in adtoken.accounts(state=state):
            more = adtoken.account(one["channel"], one["native_id"])
            yield f"{one['channel']}/{one['native_id']}\t{one['reason'] or state}\tsince {one['since']}\t{one['name']}"
            yield from (
                f"    {text}"
                for text in [more["what"], more["restriction"], more["who"], *more["steps"]]
                if text
            )


def _ask(adtoken: AdToken, asked: argparse.Namespace) -> Any:
    fields = {name: getattr(asked, name) for name in ("email", "team", "channels", "note", "send_mail")}
    fields = {name: value for name, value in fields.items() if value is not None}
    if asked.accounts:
        fields["accounts"] = [
            dict(zip(("channel", "native_id"), _split(one), strict=True)) for one in asked.accounts
        ]
    for ask in adtoken.ask(asked.kind, **fields):
        yield "\t".join([ask["url"], f"{ask['progress']['total']} asked for", ask["address"] or ""]).rstrip()


def _credential(adtoken: AdToken, asked: argparse.Namespace) -> Any:
    channel, native_id = _split(asked.account)
    path = f"/accounts/{quote(channel, safe='')}/{quote(native_id, safe='')}/credential"
    made = adtoken.call("POST", path, {"purpose": asked.purpose, "days": asked.days})
    yield from (made["credential"], made["base_url"], "", *made["client"])


def _lease(adtoken: AdToken, asked: argparse.Namespace) -> Any:
    lease = adtoken.lease(*_split(asked.account), purpose=asked.purpose)
    said: dict[str, Any] = {
        "lease_id": lease.lease_id,
        "expires_at": lease.expires_at.isoformat(),
        "native_user": lease.native_user,
        "base_url": lease.base_url,
        "signs": lease.signs,
    }
    if asked.send:
        said["send"] = {"headers": dict(lease.send.headers), "query": dict(lease.send.query)}
    yield json.dumps(said, indent=2)


def _events(adtoken: AdToken, asked: argparse.Namespace) -> Any:
    after = asked.after
    while True:
        events, after = adtoken.events(after, 500)
        if not events:
            return
        yield from map(json.dumps, events)


def _split(account: str) -> tuple[str, str]:
    channel, slash, native_id = account.partition("/")
    if not slash:
        raise ValueError(f"{account} is no account: write CHANNEL/ID, such as facebook/611420987315526.")
    return channel, native_id


_COMMANDS = {
    "accounts": _accounts,
    "dark": _dark,
    "ask": _ask,
    "credential": _credential,
    "lease": _lease,
    "events": _events,
}
