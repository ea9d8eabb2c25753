"""`python -m tests.tools.upgraded STEP FILE`: one step of the drill of an upgrade (drills/upgrade.py), in a process of one version.

The drill copies tests/tools into the tree of the old version, so this runs there, too, and relies on what is data: addresses, names of
tasks, models. What the old version handed out is kept in FILE, and the new one is asked to take it.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

# One call of each task with arguments; the others take none.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "accounts.tasks.check_channel": ("facebook",),
    "accounts.tasks.check_tokens": (1, 2),
    "accounts.pushes.check_token": (1,),
    "accounts.pushes.read_account": (1,),
}
STAFF, PERSON, LINKING = "mira@example.com", "chiara@example.com", ("facebook", "x", "tiktok")


def main() -> int:
    """Do one step; return the exit status."""
    _, step, file = sys.argv
    import django
    from django.conf import settings
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # mails go to the drill's mailbox
    from django.utils import timezone

    from users import database_clock

    database_clock.now = timezone.now
    STEPS[step](Path(file))
    return 0


def _sandbox() -> Any:
    """Return a client of the stand-ins that the drill has started."""
    import httpx2

    from tests.support.sandbox import Sandbox

    sandbox = Sandbox()
    sandbox.base, sandbox.mailbox = os.environ["DRILL_SANDBOX"], os.environ["DRILL_MAILBOX"]
    sandbox._client = httpx2.Client(timeout=10, trust_env=False)
    return sandbox


def fill(file: Path) -> None:
    """Make the demo's fleet with every kind of mail, hand out one of everything, and leave a message of each kind and all tasks waiting."""
    from adtoken_project import demo, demo_fleet
    from tests.tools import fleet
    from tokens.models import ChannelApp
    from users import hold

    sandbox = _sandbox()
    hold.current()  # binds the database to this installation
    kept: dict[str, Any] = {"key": demo.prepare()["api_key"]}
    for app in ChannelApp.objects.all():
        sandbox.put_app(app.channel, redirect_uris=[app.redirect_uri])
    demo_fleet.fill(sandbox=sandbox.base)
    fleet.NOW = datetime.now(UTC)
    fleet.every_kind_of_mail(sandbox)
    sandbox.set_clock(offset=0)
    kept |= _handed_out(sandbox, kept["key"])
    kept["kinds"] = _wait_with_a_message_of_each_kind()
    kept["built"] = _built()
    kept["tasks"] = _wait_with_a_call_of_each_task()
    file.write_text(json.dumps(kept), encoding="utf-8")


def _handed_out(sandbox: Any, key: str) -> dict[str, Any]:
    """Return a lease, links out of mails, a session, and people who are on their way at the channels."""
    import re

    from accounts.models import Account
    from tests.support import native
    from tests.tools.fleet import browser

    account = Account.objects.filter(channel="facebook", state="connected").order_by("pk")[0]
    lease = _job(key).post(
        f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, content_type="application/json"
    )
    texts = "\n".join(mail["text"] for mail in sandbox.mails())
    person = browser(PERSON)
    away = {channel: native.leave(person, channel) for channel in LINKING}
    return {
        "lease": lease.json()["lease_id"],
        "stop": re.findall(r"/mails/\S+/snooze/", texts)[0].replace("snooze", "stop"),
        "invitation": re.findall(r"/invitation/[^/\s]+/", texts)[0],
        "cookies": {name: morsel.value for name, morsel in person.cookies.items()},
        "away": away,
    }


def _job(key: str) -> Any:
    from django.test import Client

    return Client(headers={"authorization": f"Bearer {key}"})


def _wait_with_a_message_of_each_kind() -> list[str]:
    from notifications.models import Message

    found = Message.objects.order_by("kind", "-pk").distinct("kind")
    for message in found:
        message.pk = None
        message.dedupe_key = f"upgrade:{message.kind}"
        message.state, message.subject, message.text, message.html = "queued", "", "", ""
        message.sent_at, message.message_id = None, ""
        message.save()
    return sorted(message.kind for message in found)


def _built() -> dict[str, str]:
    """Build what waits. Returns by kind what came of it: a mail, or the answer that it has nothing left to say."""
    from notifications import kinds
    from notifications.models import Message

    built = {}
    for message in Message.objects.filter(dedupe_key__startswith="upgrade:"):
        try:
            mail = kinds.KINDS[message.kind].build(message)
        except kinds.NotWanted:
            built[message.kind] = "not wanted"
        else:
            assert mail.subject, message.kind
            assert mail.text, message.kind
            built[message.kind] = "a mail"
    return built


def _wait_with_a_call_of_each_task() -> list[str]:
    from adtoken_project.celery import app

    app.loader.import_default_modules()
    names = sorted(name for name in app.tasks if not name.startswith("celery."))
    for name in names:
        app.send_task(name, ARGUMENTS.get(name, ()))
    return names


def take(file: Path) -> None:
    """Take what the old version handed out. Writes what was refused into the file, by name."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    refused: dict[str, str] = {}
    for name, look in {
        "messages that waited": _takes_messages,
        "a lease": _takes_the_lease,
        "a link to stop mails": _takes_the_stop_link,
        "an invitation": _takes_the_invitation,
        "a session": _takes_the_session,
        "people on their way at the channels": _takes_people_back,
        "links of log entries": _opens_log_entries,
    }.items():
        try:
            look(kept)
        except Exception as error:  # noqa: BLE001  # what came of the others is told, too
            refused[name] = f"{type(error).__name__}: {str(error)[:500]}"
    file.write_text(json.dumps({**kept, "refused": refused}), encoding="utf-8")


def _takes_messages(kept: dict[str, Any]) -> None:
    built = _built()
    assert built == kept["built"], built


def _takes_the_lease(kept: dict[str, Any]) -> None:
    path = f"/api/v1/leases/{kept['lease']}/report"
    answer = _job(kept["key"]).post(path, {"status": 200, "body": {}}, content_type="application/json")
    assert answer.status_code == 200, answer.content


def _takes_the_stop_link(kept: dict[str, Any]) -> None:
    from django.test import Client

    answers = [Client().get(kept["stop"], follow=True), Client().post(kept["stop"])]
    assert answers[0].status_code == 200
    assert answers[1].status_code in {200, 400}  # 400: what it warned of has another date by now


def _takes_the_invitation(kept: dict[str, Any]) -> None:
    from django.test import Client

    from tests.tools import visible

    page = Client().get(kept["invitation"])
    forms = visible.forms(page.content.decode())
    assert page.status_code == 200, page.status_code
    assert any("password1" in form.fields or "password" in form.fields for form in forms), forms


def _person(kept: dict[str, Any]) -> Any:
    from django.test import Client

    client = Client()
    for name, value in kept["cookies"].items():
        client.cookies[name] = value
    return client


def _takes_the_session(kept: dict[str, Any]) -> None:
    page = _person(kept).get("/")
    assert page.status_code == 200, (page.status_code, page.get("Location"))
    assert b"Chiara" in page.content


def _takes_people_back(kept: dict[str, Any]) -> None:
    from tests.support import native

    for channel, address in kept["away"].items():
        back = urlsplit(native.decide(address, PERSON.partition("@")[0]))
        answer = _person(kept).get(f"{back.path}?{back.query}")
        leads = answer.get("Location", "")
        assert answer.status_code == 302 and "/link/choose/" in leads, (channel, answer.status_code, leads)  # noqa: PT018


def _opens_log_entries(_kept: dict[str, Any]) -> None:
    from django.contrib.admin.models import LogEntry

    from tests.tools.fleet import browser

    staff = browser(STAFF)
    urls = {entry.get_admin_url() for entry in LogEntry.objects.exclude(object_id=None)}
    answers = {url: staff.get(url).status_code for url in urls if url}
    assert urls, "there is no log entry"
    assert set(answers.values()) <= {200, 302}, answers


def works(file: Path) -> None:
    """Show pages, hand out a lease and write rows: of the old version on the new tables."""
    from accounts.models import Account
    from tests.support import native
    from tests.tools.fleet import browser
    from users.models import User

    kept = json.loads(file.read_text(encoding="utf-8"))
    account = Account.objects.filter(channel="facebook", state="connected").order_by("pk")[0]
    path = f"/api/v1/accounts/facebook/{account.native_id}/lease"
    leased = _job(kept["key"]).post(path, {}, content_type="application/json")
    assert leased.status_code == 200, leased.content
    pages = (
        "/",
        "/admin/accounts/account/",
        f"/admin/accounts/account/{account.pk}/",
        "/admin/tokens/token/",
    )
    answers = {page: browser(STAFF).get(page).status_code for page in pages}
    assert set(answers.values()) == {200}, answers
    User.objects.create_user("later@example.com", name="Later")
    native.consent(browser("later@example.com"), "x", PERSON.partition("@")[0])


STEPS: dict[str, Callable[[Path], None]] = {"fill": fill, "take": take, "works": works}

if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
