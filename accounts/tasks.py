"""Celery doorways into the sweeps."""

from celery import shared_task
from celery.worker import state as worker_state

from accounts.alerts import doubts as doubt_mail
from accounts.alerts import refusals as refusal_mail
from accounts.alerts import services as alerts
from accounts.alerts import versions as version_alerts
from accounts.api_keys import mails as api_key_mail
from accounts.asks import links
from accounts.asks import services as asks
from accounts.imports import uploads
from accounts.jobs import services as jobs
from accounts.jobs.kinds import KINDS
from accounts.linking import problems
from accounts.pushes import tasks as pushes  # noqa: F401  # a worker finds the tasks of pushes here
from accounts.sync import channel_sweep, reach, removal, sweeps, write_refusals
from infra import database_clock
from tokens.channels import callback
from tokens.lifecycle import app_faults


@shared_task
def check_due_tokens() -> None:
    """Have each channel's due tokens checked."""
    for channel in channel_sweep.waiting(database_clock.now()):
        check_channel.apply_async((channel,), retry=False, ignore_result=True)


@shared_task
def check_channel(channel: str) -> None:
    """Check a channel's due tokens for one turn, and ask for the next where time was too short."""
    begun = channel_sweep.run(
        channel=channel,
        clock=database_clock.now,
        goes_on=lambda: worker_state.should_stop is None,
    )
    if begun and channel in channel_sweep.waiting(database_clock.now()):
        check_channel.apply_async((channel,), retry=False, ignore_result=True)


@shared_task
def check_tokens(*token_ids: int) -> None:
    """Check tokens that somebody asked about."""
    sweeps.check_these(token_ids=token_ids, now=database_clock.now(), source="staff")


@shared_task
def tell_operators() -> None:
    """Tell operators of faults, doubts, unknown answers and refused writes that checks, reports and consents found."""
    now = database_clock.now()
    alerts.tell_operators(now=now)
    doubt_mail.tell(now)
    refusal_mail.tell(now=now)


@shared_task
def watch_versions() -> None:
    """Tell operators of versions that end."""
    version_alerts.tell_operators(now=database_clock.now())


@shared_task
def watch_api_keys() -> None:
    """Tell makers and operators of keys that end soon, and operators of keys whose maker left."""
    api_key_mail.tell(now=database_clock.now())


@shared_task
def ask_about_refused_apps() -> None:
    """Find out whether channels take the keys of our refused apps again."""
    app_faults.ask_again()


@shared_task
def tidy() -> None:
    """Clear away unfinished links, tokens linked to nothing, and failed links that are old."""
    now = database_clock.now()
    sweeps.sweep_pending_links(now=now)
    write_refusals.forget(now=now)
    removal.sweep_orphans(now=now)
    removal.sweep_removed(now=now)
    callback.sweep(now=now)
    problems.sweep(now=now)
    jobs.sweep(now=now)
    links.sweep(now=now)
    uploads.sweep(now=now)


@shared_task
def run_jobs() -> None:
    """Do what staff asked for to many at once. Several workers do several of them."""
    while jobs.do_next(
        kinds=KINDS, clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None
    ):
        pass


@shared_task
def run_asks() -> None:
    """Find how far the log-ins are that are asked for, write the mails that are due, and end what is over."""
    asks.send_due(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None)


@shared_task
def nightly_check() -> None:
    """Compare every account with its pool, and forget what no list has named for long."""
    sweeps.nightly_check()
    reach.forget_old(now=database_clock.now())
