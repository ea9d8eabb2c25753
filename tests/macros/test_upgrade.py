"""What the upgrade makes of rows from before: no silence, no flood, and no macro lost."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import Account
from macros import evaluation
from macros.models import Macro, MacroAction, Notice
from tests.macros.support import WATCHER, ending, make_macro, settle
from tests.support.factories import NOW, link, make_account, make_token
from tokens.models import Token

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_deadlines_from_before_are_known_since_the_consent() -> None:
    make_macro(days=[30])
    for name, consented in (("A year's consent", 345), ("Young", 5)):
        account = make_account(name=name)
        token = make_token(
            deadline=NOW + 20 * DAY, linked_at=NOW - consented * DAY, issued_at=NOW - min(consented, 5) * DAY
        )
        link(account, token)
        settle(account)
    Account.objects.update(cycle_since=NOW, cycle_deadline=None)  # as the new columns are made
    Token.objects.update(cycle_since=NOW, cycle_deadline=None)

    import_module("tokens.migrations.0007_cycle_since").fill(apps, None)
    import_module("accounts.migrations.0008_cycle_since").fill(apps, None)

    evaluation.evaluate(now=NOW)
    assert set(Notice.objects.values_list("account__name", "threshold")) == {("A year's consent", 30)}
    assert set(Account.objects.values_list("cycle_deadline", flat=True)) == {NOW + 20 * DAY}
    assert evaluation.evaluate(now=NOW + DAY).notices == 0


def test_an_account_without_a_date_is_known_since_it_was_made() -> None:
    account = make_account(created_at=NOW - 9 * DAY, cycle_since=NOW)

    import_module("accounts.migrations.0008_cycle_since").fill(apps, None)

    account.refresh_from_db()
    assert (account.cycle_since, account.cycle_deadline) == (NOW - 9 * DAY, None)


def test_a_macro_with_several_actions_becomes_several_that_mail_as_before() -> None:
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")  # what the fixtures wrote
        cursor.execute("alter table macros_macroaction drop constraint one_action_of_a_kind")
    account = ending(5)
    first = make_macro(accounts=[account], description="Warn the team.")
    second = MacroAction.objects.create(
        macro=first.macro, emails=["boss@example.com"], days=[14], notify_consenters=False
    )
    Macro.objects.create(name=f"{first.macro.name} (2)", scope="chosen")  # the name that it would take

    import_module("macros.migrations.0005_one_action_each").part(apps, None)

    second.refresh_from_db()
    assert second.macro.name == f"{first.macro.name} (3)"
    assert (second.macro.description, list(second.macro.accounts.all())) == ("Warn the team.", [account])
    evaluation.evaluate(now=NOW)
    assert set(Notice.objects.values_list("recipient", flat=True)) == {WATCHER, "boss@example.com"}
