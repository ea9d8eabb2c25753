"""Where workers find the tasks of this app, and beat when they are due; and the one that clears away for all packages."""

from celery import shared_task

from accounts.alerts import tasks as alerts
from accounts.alerts.tasks import tell_operators as tell_operators
from accounts.alerts.tasks import watch_versions as watch_versions
from accounts.api_keys import mails as api_key_mail
from accounts.asks import links
from accounts.asks import tasks as asks
from accounts.asks.tasks import run_asks as run_asks
from accounts.checks import services as account_checks
from accounts.checks import tasks as checks
from accounts.checks.tasks import ask_about_refused_apps as ask_about_refused_apps
from accounts.checks.tasks import check_channel as check_channel
from accounts.checks.tasks import check_due_tokens as check_due_tokens
from accounts.checks.tasks import check_tokens as check_tokens
from accounts.checks.tasks import nightly_check as nightly_check
from accounts.imports import services as imports
from accounts.jobs import services as jobs
from accounts.jobs import tasks as job_tasks
from accounts.jobs.tasks import run_jobs as run_jobs
from accounts.linking import services as linking
from accounts.pushes import tasks as pushes
from accounts.sync import services as account_sync
from infra import database_clock
from tokens.checks import removal
from tokens.oauth import services as callback

# Name -> task, every so many seconds.
SCHEDULES = {
    **alerts.SCHEDULE,
    **asks.SCHEDULE,
    **checks.SCHEDULE,
    **job_tasks.SCHEDULE,
    **pushes.SCHEDULE,
    "Watch API keys": ("accounts.tasks.watch_api_keys", 3_600),
    "Tidy unfinished links": ("accounts.tasks.tidy", 300),
}


@shared_task
def watch_api_keys() -> None:
    """Tell makers and operators of keys that end soon, and operators of keys whose maker left."""
    api_key_mail.tell_of_keys(now=database_clock.now())


@shared_task
def tidy() -> None:
    """Clear away unfinished links, tokens linked to nothing with their contacts, and failed links that are old."""
    now = database_clock.now()
    account_checks.sweep_pending_links(now=now)
    account_sync.forget_refusals(now=now)
    removal.sweep_orphans(now=now)
    removal.sweep_removed(now=now)
    callback.sweep_handshakes(now=now)
    linking.sweep_problems(now=now)
    jobs.sweep_jobs(now=now)
    links.sweep_contacts()
    imports.sweep_files(now=now)
