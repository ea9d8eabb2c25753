"""`manage.py check_channel CHANNEL [--app ID] [--token-id N [--renew] | --access-token-stdin] [--account ID]`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tokens import live_check, renewal, unknown_answers
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.kinds import Credentials
from tokens.live_check import Checker, StepLine
from tokens.models import ChannelApp, Token
from tokens.vault import VaultError
from users import database_clock


class Command(BaseCommand):
    help = (
        "Check a channel with real credentials in five minutes: settings, the app's keys, and with a log-in whose it is, its dates, "
        "its ad accounts and one of them. Links nothing. Prints no secret. Exit status 1 where an answer was not as hoped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channel", help=", ".join(registry.CHANNELS))
        parser.add_argument("--app", metavar="CLIENT_ID", help="The channel app; without it the default one.")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--token-id", type=int, metavar="N", help="A stored log-in, by its number.")
        source.add_argument(
            "--access-token-stdin",
            action="store_true",
            help="Read an access token from standard input; on a second line X's token secret. It is not stored.",
        )
        parser.add_argument(
            "--region",
            default="",
            metavar="KEY",
            help="Where the access token of standard input is good, at a channel with regions; without it the first.",
        )
        parser.add_argument("--account", default="", metavar="ID", help="The ad account to be read.")
        parser.add_argument(
            "--renew", action="store_true", help="Renew the stored log-in once, after a question."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            channel = registry.get(options["channel"])
        except registry.UnknownChannel as error:
            raise CommandError(str(error)) from error
        if options["renew"] and options["token_id"] is None:
            raise CommandError("--renew needs --token-id: what a renewal gives must be stored.")
        unknown_answers.reload_assignments(timezone.now())
        token = _token(channel, options["token_id"])
        checker = _checker(channel, token, options)
        good = True
        for step in checker.steps():
            line = step()
            self._show(line)
            good = good and line.good
        if token is not None and options["renew"]:
            good = self._renew(token) and good
        self.stdout.write(f"What else only the live channel proves: docs/channels/{channel.key}.md")
        if not good:
            sys.exit(1)

    def _renew(self, token: Token) -> bool:
        if not renewal.possible(token, timezone.now()):
            self._show(
                StepLine(
                    "Does the channel renew it?", seen=("There is nothing that this log-in is renewed with.",)
                )
            )
            return True
        self.stdout.write("A renewal may void the tokens that jobs hold now; AdToken stores the new ones.")
        if input("Renew this log-in? Type yes: ").strip().lower() != "yes":
            self.stdout.write("Not renewed.\n")
            return True
        line = live_check.renew(token, now=database_clock.now())  # the answer may have taken its time
        self._show(line)
        return line.good

    def _show(self, line: StepLine) -> None:
        mark = {"": "-", "ok": "ok"}.get(line.verdict, "!!")
        self.stdout.write(f"{mark:>2}  {line.asked}")
        if line.verdict:
            row = f" (row “{line.row}”)" if line.row else ""
            self.stdout.write(f"      Verdict: {line.verdict}{row}")
        for text in line.seen:
            self.stdout.write(f"      {text}")
        for text in line.proves:
            self.stdout.write(f"      > {text}")
        self.stdout.write("")


def _token(channel: Channel, token_id: int | None) -> Token | None:
    if token_id is None:
        return None
    found = Token.objects.select_related("app").filter(pk=token_id, app__channel=channel.key).first()
    if found is None:
        raise CommandError(
            f"There is no log-in {token_id} at {channel.label}. "
            "Its number is in the addresses of its actions in the portal."
        )
    return found


def _checker(channel: Channel, token: Token | None, options: dict[str, Any]) -> Checker:
    app = _app(channel, token, options["app"])
    try:
        keys = app.keys()
        credentials = token.unseal() if token is not None else _given(channel, options)
    except (ValueError, VaultError) as error:
        raise CommandError(str(error)) from error
    scopes = tuple(token.scopes) if token is not None and token.scopes is not None else None
    return Checker(channel, app, keys, credentials, scopes, _canonical(channel, options["account"]))


def _app(channel: Channel, token: Token | None, client_id: str | None) -> ChannelApp:
    if token is not None:
        if client_id not in (None, token.app.client_id):
            raise CommandError(
                f"Log-in {token.pk} belongs to the app {token.app.client_id}. Leave --app out."
            )
        return token.app
    apps = ChannelApp.objects.filter(channel=channel.key)
    found = apps.filter(client_id=client_id) if client_id else apps.filter(is_default=True)
    app = found.first()
    if app is None:
        known = ", ".join(apps.values_list("client_id", flat=True)) or "none"
        raise CommandError(
            f"There is no such app of {channel.label}. Add it under Channel apps. Client IDs there are: {known}."
        )
    return app


def _given(channel: Channel, options: dict[str, Any]) -> Credentials | None:
    if not options["access_token_stdin"]:
        return None
    lines = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    wanted = 2 if channel.protocol == "oauth1" else 1
    if len(lines) != wanted:
        what = (
            "the access token, then its secret, a line each"
            if wanted == 2
            else "the access token on one line"
        )
        raise CommandError(f"Standard input must hold {what}.")
    regions = channel.declaration.regions
    if options["region"] and options["region"] not in regions:
        raise CommandError(f"{channel.label} has no such region. Known: {', '.join(regions) or 'none'}.")
    region = channel.declaration.region(options["region"])
    return Credentials(lines[0], secret=lines[1] if wanted == 2 else "", region=region)


def _canonical(channel: Channel, native_id: str) -> str:
    try:
        return channel.canonical_id(native_id) if native_id else ""
    except ValueError as error:
        raise CommandError(str(error)) from error
