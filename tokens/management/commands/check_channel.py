"""`manage.py check_channel CHANNEL [--app ID] [--token-id N] [--account ID]`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.live_check import Checker, StepLine
from tokens.models import ChannelApp, Token
from tokens.vault import VaultError


class Command(BaseCommand):
    help = (
        "Check a channel with real credentials in five minutes: settings, the app's keys, and with a log-in whose it is, its dates, "
        "its ad accounts and one of them. Links nothing. Prints no secret. Exit status 1 where an answer was not as hoped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channel", help=", ".join(registry.CHANNELS))
        parser.add_argument("--app", metavar="CLIENT_ID", help="The channel app; without it the default one.")
        parser.add_argument("--token-id", type=int, metavar="N", help="A stored log-in, by its number.")
        parser.add_argument("--account", default="", metavar="ID", help="The ad account to be read.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            channel = registry.get(options["channel"])
        except registry.UnknownChannel as error:
            raise CommandError(str(error)) from error
        checker = _checker(channel, _token(channel, options["token_id"]), options)
        good = True
        for step in checker.steps():
            line = step()
            self._show(line)
            good = good and line.good
        self.stdout.write(f"What else only the live channel proves: docs/channels/{channel.key}.md")
        if not good:
            sys.exit(1)

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
    native_id = options["account"]
    try:
        keys = app.keys()
        credentials = token.unseal() if token is not None else None
        wanted = channel.canonical_id(native_id) if native_id else ""
    except (ValueError, VaultError) as error:
        raise CommandError(str(error)) from error
    scopes = tuple(token.scopes) if token is not None and token.scopes is not None else None
    return Checker(channel, app, keys, credentials, scopes, wanted)


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
