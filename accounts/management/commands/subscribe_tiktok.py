"""`manage.py subscribe_tiktok [--dry-run]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.pushes import subscribing


class Command(BaseCommand):
    help = (
        "Subscribe at TikTok to the news of suspended ad accounts, through the token that is active for each."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be subscribed; call nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for batch in subscribing.batches():
            count = len(batch.accounts)
            what = f"{count} ad account{'' if count == 1 else 's'} through token {batch.token.pk}"
            if options["dry_run"]:
                self.stdout.write(f"Would subscribe {what}.")
                continue
            try:
                self.stdout.write(f"Subscribed {what}: subscription {subscribing.subscribe(batch)}.")
            except subscribing.NotSubscribed as refused:
                failed += 1
                self.stderr.write(f"Not subscribed, {what}: {refused}")
        if failed:
            raise CommandError(f"Subscriptions that failed: {failed}. The checks still find suspensions.")
