"""Many log-ins that reach the same ad accounts are read at the same time, and what was read is written side by side."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.models import Account, AccountToken
from accounts.pool import services as pool
from accounts.sync import entries as pool_entries
from tests.support.factories import NOW, link, make_account, make_app, make_token
from tokens import lifecycle
from tokens.channels.kinds import AccessCheck, Classification, Inspection, NativeAccount, Reason, Verdict
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)

FINE = Classification(Verdict.OK)
LOST = AccessCheck(Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST))
ROUNDS = 6


def test_log_ins_that_share_ad_accounts_are_written_side_by_side_without_a_deadlock() -> None:
    """Each writes what differs of all accounts, in another order, and settles; one of them loses every one of them."""
    app = make_app()
    accounts = [make_account(app.channel) for _ in range(5)]
    tokens = [make_token(app) for _ in range(6)]
    for token in tokens:
        for account in accounts:
            link(account, token)

    def write(number: int) -> None:
        token = tokens[number]
        order = accounts if number % 2 else list(reversed(accounts))
        for turn in range(ROUNDS):
            lifecycle.record_inspection(
                token_id=token.pk, generation=1, inspection=Inspection(FINE), now=NOW, source="sweep"
            )
            shown = {
                one.pk: AccessCheck(FINE, NativeAccount(one.native_id, f"{number}.{turn}", can_publish="yes"))
                for one in order
            }
            readings = {one.pk: LOST for one in order} if number == 0 else shown
            pool_entries.apply_answers(token=token, generation=1, readings=readings, now=NOW, source="sweep")
        connection.close()

    with ThreadPoolExecutor(len(tokens)) as threads:
        list(threads.map(write, range(len(tokens))))

    assert set(Account.objects.values_list("state", "usable_count")) == {("connected", 5)}
    assert set(AccountToken.objects.filter(access="lost").values_list("token", flat=True)) == {tokens[0].pk}
    assert pool.differences() == []
    assert Token.objects.filter(state="valid").count() == len(tokens)
