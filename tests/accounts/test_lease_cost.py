"""What a lease costs in SQL: one statement, planned once per connection."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import broker
from accounts.models import Account
from tests.macros.support import ending
from tests.support.factories import NOW

pytestmark = pytest.mark.django_db
INTERNAL = broker.Caller()


def lease(account: Account) -> broker.Lease:
    return broker.lease(caller=INTERNAL, channel=account.channel, native_id=account.native_id, now=NOW)


def test_a_lease_is_one_statement() -> None:
    account = ending(30)
    lease(account)  # notes the use of this hour, and learns the channel app

    with CaptureQueriesContext(connection) as captured:
        lease(account)

    assert len(captured) == 1


def test_the_statement_of_a_lease_is_planned_once_per_connection() -> None:
    one, other = ending(30), ending(40)

    for _ in range(7):
        lease(one)
        lease(other)

    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_prepared_statements where statement like '%a.restriction,%'")
        assert cursor.fetchone() == (1,)


def test_the_prepared_read_finds_what_has_just_changed() -> None:
    account = ending(30)
    for _ in range(7):
        lease(account)

    Account.objects.filter(pk=account.pk).update(paused_at=NOW, state=Account.State.PAUSED)

    with pytest.raises(broker.Held):
        lease(account)
