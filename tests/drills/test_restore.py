"""The drill of docs/restore.md, with the real tools: a restored installation destroys no log-in and mails nothing twice."""

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from drills.registry import DRILLS
from drills.restore import APP, BASE_URL, Drill, commands
from notifications import outbox
from tests.support import emptying, native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.checks import services as probe
from tokens.models import Token
from users.installation import hold

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WORK = """
from accounts.tasks import check_channel
from notifications.delivery.tasks import deliver_messages
from tokens.models import Token
from django.utils import timezone
Token.objects.update(due_at=timezone.now())
check_channel("snapchat")
deliver_messages()
"""
RIGHTS = """psql "$RESTORED_URL" --tuples-only --no-align --command="select r.rolname, r.rolsuper or r.rolcreatedb,
  has_table_privilege('accounts_leaserecord', 'delete'), pg_get_userbyid(d.datdba)
  from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()" """
STATES = """psql "$RESTORED_URL" --tuples-only --no-align --command="select state, doubted_at is not null from tokens_token" """


def test_the_steps_of_the_page_bring_an_installation_back(
    channels_world: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    native.set_up_apps(channels_world)
    for name in ("ada", "ben"):
        client = Client()
        client.force_login(make_user(f"{name}@example.com"))
        native.link(client, "snapchat", name)
    settings.BASE_URL = BASE_URL  # what the database is bound to
    hold.forget()
    assert hold.current() is None
    outbox.enqueue(kind="test", recipient="ada@example.com", dedupe_key="1", now=timezone.now())
    drill = Drill(
        tmp_path, sandbox=channels_world.base, smtp=f"{channels_world.smtp_host}:{channels_world.smtp_port}"
    )
    with connection.cursor() as cursor:  # the tests' own schema is dumped along
        cursor.execute(
            f"grant usage on schema {emptying.COPY} to {APP}; grant select on all tables in schema {emptying.COPY} to {APP}"
        )

    for command in commands("Backup"):
        drill.run(command)
    mode = (tmp_path / "adtoken.dump").stat().st_mode & 0o777
    # Life goes on at the original: Ada's refresh token is spent, Ben takes his consent away.
    ada = Token.objects.get(consented_by__email="ada@example.com")
    probe.probe_token(ada.pk, now=timezone.now(), source="test", renew=True)
    channels_world.cancel_authorisation("snapchat", "ben")
    channels_world.clear_calls()
    channels_world.delete_mails()
    *restore, release = commands("Restore")
    for command in restore:
        drill.run(command)
    drill.on_the_restored(WORK)
    called_on_hold = channels_world.calls()
    said = drill.run(release)
    states, rights = drill.run(STATES), drill.run(RIGHTS)

    assert mode == 0o600
    assert rights.strip() == "adtoken_app|f|f|adtoken_owner"
    assert called_on_hold == []
    assert channels_world.mails() == []
    assert "its database was restored or copied" in said
    assert "Mails that waited and were cancelled: 1" in said
    assert "Released as the same installation." in said
    assert channels_world.calls(path="access_token") == []  # asked about, not renewed
    channels_world.clear_calls()
    assert states.split() == ["valid|t", "valid|t"]  # both refused: doubted, and neither is dead
    drill.on_the_restored(WORK)
    assert channels_world.calls() != []  # what did nothing on hold does something now
    drill.tidy()


def test_each_drill_of_the_registry_is_a_module_with_a_main() -> None:
    folder = Path(__file__).parents[2] / "drills"

    assert all("def main(" in (folder / f"{drill.name}.py").read_text() for drill in DRILLS)
