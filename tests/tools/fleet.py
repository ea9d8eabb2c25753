"""What happens to the fleet of the demo until AdToken has written every kind of mail about it, each by the page or the task that does it.

It relies on addresses and on names of tasks and models, which are data, so that it runs on older versions, too.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import time_machine
from celery import current_app
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import AccountToken, ApiKey
from adtoken_project.models import Heartbeat
from devtools import demo
from tests.support.sandbox import Sandbox
from tests.tools import visible
from tokens.models import ChannelApp, Token, UnknownAnswer
from users.models import Membership, Team, User

NOW = datetime(2026, 11, 25, 9, 0, 20, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
# Every kind of message that there is (tests/project/data/mail_kinds.txt).
KINDS = {
    "api_key", "ask", "invite", "left", "login_changed", "macro", "operators", "password_reset",
    "news", "said", "test",
}  # fmt: skip
STAFF, LIMITED_STAFF = "mira@example.com", "lin@example.com"


def browser(email: str) -> Client:
    """A browser in which this person has logged in."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend")
    return client


def run(task: str, *arguments: Any) -> None:
    """Run a background task here and now, by its name."""
    current_app.loader.import_default_modules()
    current_app.tasks[task](*arguments)


def submit(client: Client, path: str, *, form: int = 0, **changes: Any) -> Any:
    """Open a page and send one of its forms, filled in like this."""
    page = client.get(path)
    found = visible.forms(page.content.decode())
    assert found, (path, page.status_code, page.content.decode()[:500])
    data: dict[str, Any] = {**found[form].fields, **changes}
    answer: Any = client.post(urlsplit(found[form].action).path or path, data)
    assert answer.status_code == 302, (path, data, visible.text(answer.content.decode()))
    return answer


def every_kind_of_mail(sandbox: Sandbox) -> None:
    """Let happen what AdToken writes mails about, each by the page or the task that does it. `sandbox` holds the demo's fleet."""
    lin = User.objects.create_user(LIMITED_STAFF, name="Lin Marsh", is_staff=True)
    lin.groups.add(Group.objects.get(name="Staff"))
    for team in Team.objects.exclude(name="Kestrel Foods"):
        Membership.objects.create(user=lin, team=team)
    _people(browser(STAFF))
    _keys_and_operators()
    _log_ins(browser(STAFF))
    _later(sandbox, timedelta(minutes=2), "macros.tell_at_once")
    restricted = "accounts/snapchat/c7d24b90-8f13-4ea5-a2c6-90b1e7f45d13"
    sandbox.control("PUT", restricted, {"status": "ACTIVE"})
    sandbox.control("PUT", "accounts/x/18ce63r9wt5/roles/noor", {"role": "admin"})
    Token.objects.filter(consented_by__email="noor@example.com").update(due_at=NOW)
    for channel in ("snapchat", "x"):
        run("accounts.tasks.check_channel", channel)
    Heartbeat.objects.update(at=NOW - DAY)
    _later(sandbox, timedelta(minutes=20), "macros.tell_at_once", "adtoken_project.tasks.watch_lanes")
    _answer_a_warning(sandbox)
    run("notifications.deliver_messages")


def _later(sandbox: Sandbox, after: timedelta, *tasks: str) -> None:
    with time_machine.travel(NOW + after, tick=False):
        sandbox.set_clock(now=int((NOW + after).timestamp()))
        for task in (*tasks, "notifications.deliver_messages"):
            run(task)
    sandbox.set_clock(now=int(NOW.timestamp()))


def _people(mira: Client) -> None:
    """Invitations, one of somebody who is known; the test mail; a forgotten and a changed password."""
    kestrel = Team.objects.get(name="Kestrel Foods").pk
    invited: tuple[dict[str, Any], ...] = (
        {"email": "gwen@example.com", "name": "Gwen Hill"},
        {"email": "ida@example.com", "is_staff": "on"},
        {"email": "ada@example.com"},
    )
    for about in invited:
        submit(mira, "/admin/users/invitation/add/", team=kestrel, **about)
    for form in (number for number, one in enumerate(_forms(mira, "/admin/")) if "test" in one.action):
        submit(mira, "/admin/", form=form)
    Client().post("/accounts/password/reset/", {"email": STAFF})
    new = "another staple horse"
    words: dict[str, Any] = {"oldpassword": demo.PASSWORD, "password1": new, "password2": new}
    submit(browser(STAFF), "/accounts/password/change/", **words)


def _keys_and_operators() -> None:
    """A key that ends soon, one whose maker has left; a refused app, and an answer that nobody understands."""
    key, mira = ApiKey.objects.get(), User.objects.get(email=STAFF)
    ApiKey.objects.filter(pk=key.pk).update(created_by=mira, expires_at=NOW + 5 * DAY)
    other = ApiKey.objects.create(name="Job", prefix="adt_0", sha256="0" * 64, scopes=key.scopes)
    other.teams.set(key.teams.all())
    ApiKey.objects.filter(pk=other.pk).update(created_by=mira, maker_left_at=NOW)
    app = ChannelApp.objects.get(channel="tiktok")
    UnknownAnswer.objects.create(
        app=app, fingerprint="a" * 32, call="api", status=418, sample={"call": "api", "status": 418, "body": {"error": "teapot"}},
        first_seen_at=NOW, last_seen_at=NOW, last_token=Token.objects.filter(app=app).first(),
    )  # fmt: skip
    ChannelApp.objects.filter(channel="linkedin").update(
        fault="The client secret is not the app's.", fault_since=NOW - DAY, fault_kind="exchange"
    )
    run("accounts.tasks.watch_api_keys")
    run("accounts.tasks.tell_operators")
    ChannelApp.objects.filter(channel="linkedin").update(fault="", fault_since=None, fault_kind="")


def _log_ins(mira: Client) -> None:
    """Staff ask somebody to re-authenticate and remove a log-in; somebody removes his own."""
    entry = AccountToken.objects.filter(
        token__consented_by__email="deniz@example.com", account__channel="facebook"
    )[0]
    path = f"/admin/accounts/account/{entry.account_id}/tokens/{entry.token_id}/ask/"
    submit(mira, path, note="Before Friday, please")
    removed = Token.objects.get(consented_by__email="petra@example.com", app__channel="snapchat")
    submit(
        mira, f"/admin/tokens/token/{removed.pk}/revoke/", typed=removed.native_user_name, note="A new one"
    )
    removed = Token.objects.get(consented_by__email="petra@example.com", app__channel="x")
    submit(browser("petra@example.com"), f"/my/log-ins/remove/?log_in={removed.pk}")
    run("accounts.tasks.run_jobs")


def _answer_a_warning(sandbox: Sandbox) -> None:
    """One reader of a warning says that the accounts are no longer his, another stops his."""
    texts = [mail["text"] for mail in sandbox.mails() if "do=not_mine" in mail["text"]]
    pages = sorted(set(re.findall(r"(/mails/\S+/)\?do=not_mine", "".join(texts))))
    form = visible.forms(Client().get(pages[0]).content.decode())[0]
    Client().post(pages[0], {**form.fields, **form.choices, "do": "not_mine", "note": "I left the team"})
    Client().post(f"{pages[-1]}stop/")


def _forms(client: Client, path: str) -> list[visible.Form]:
    return visible.forms(client.get(path).content.decode())
