"""Celery doorways into the checks of tokens and their ad accounts."""

from celery import shared_task
from celery.worker import state as worker_state

from accounts.checks import services
from accounts.sync import reach
from infra import database_clock
from tokens.lifecycle import app_faults

SCHEDULE = {
    "Check due tokens": ("accounts.tasks.check_due_tokens", 15),
    "Ask about refused channel apps": ("accounts.tasks.ask_about_refused_apps", 3_600),
    "Compare accounts with their pools": ("accounts.tasks.nightly_check", 86_400),
}


@shared_task(name="accounts.tasks.check_due_tokens")
def check_due_tokens() -> None:
    """Have each channel's due tokens checked."""
    for channel in services.channels_waiting(database_clock.now()):
        check_channel.apply_async((channel,), retry=False, ignore_result=True)


@shared_task(name="accounts.tasks.check_channel")
def check_channel(channel: str) -> None:
    """Check a channel's due tokens for one turn, and ask for the next where time was too short."""
    begun = services.run_sweep(
        channel=channel,
        clock=database_clock.now,
        goes_on=lambda: worker_state.should_stop is None,
    )
    if begun and channel in services.channels_waiting(database_clock.now()):
        check_channel.apply_async((channel,), retry=False, ignore_result=True)


@shared_task(name="accounts.tasks.check_tokens")
def check_tokens(*token_ids: int) -> None:
    """Check tokens that somebody asked about."""
    services.check_these_tokens(token_ids=token_ids, now=database_clock.now(), source="staff")


@shared_task(name="accounts.tasks.ask_about_refused_apps")
def ask_about_refused_apps() -> None:
    """Find out whether channels take the keys of our refused apps again."""
    app_faults.ask_about_refused_apps()


@shared_task(name="accounts.tasks.nightly_check")
def nightly_check() -> None:
    """Compare every account with its pool, and forget what no list has named for long."""
    services.nightly_check()
    reach.forget_old(now=database_clock.now())
