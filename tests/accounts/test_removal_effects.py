"""What becomes of the accounts of a log-in that is removed: counted in SQL as it is worked out account by account."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import removal, selection
from accounts.models import Account, AccountToken
from tests.support.factories import link, make_account, make_token, make_user
from ui.name_visibility import NameVisibility
from users.models import Team

pytestmark = pytest.mark.django_db
ALL_NAMES = NameVisibility(sees_all=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_those_of_the_accounts_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    token = make_token()
    others = [
        make_token(state="valid"),
        make_token(state="cooling", reason="transient"),
        make_token(state="dead", reason="expired"),
    ]
    for number in range(12):
        account = make_account(name=f"A{number:02}")
        link(
            account,
            token,
            can_publish=rng.choice(["yes", "no", "unknown"]),
            access=rng.choice(["ok", "ok", "lost"]),
        )
        for other in rng.sample(others, rng.randint(0, 2)):
            link(account, other, can_publish=rng.choice(["yes", "no"]))
    expected = {"stops": 0, "backups": 0, "carried": 0}
    for account in Account.objects.all():
        usable = [entry.token_id for entry in account.pool.select_related("token") if selection.usable(entry)]
        rest = [pk for pk in usable if pk != token.pk]
        expected["stops"] += token.pk in usable and not rest
        expected["backups"] += token.pk in usable and bool(rest)
        expected["carried"] += bool(rest)

    found = removal.effects(token)
    first = found.first(100, names=ALL_NAMES, now=timezone.now())
    carried = found.first(100, names=ALL_NAMES, now=timezone.now(), carried=True)

    assert {"stops": found.stops, "backups": found.backups, "carried": found.carried} == expected
    assert (found.all, len(first), len(carried)) == (12, 12, expected["carried"])
    assert sum(one.stops for one in first) == found.stops
    assert sum(one.backup_lost for one in first) == found.backups
    assert all(one.carrier for one in carried)
    assert first == sorted(first, key=lambda one: (not one.stops, not one.backup_lost, one.account.name))


def test_the_page_names_some_counts_all_and_asks_as_often_for_many(client: Client) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor")
    token, other = make_token(consented_by=ada), make_token(deadline=timezone.now() + timedelta(days=50))
    client.force_login(ada)

    def add(number: int) -> None:
        made = Account.objects.bulk_create(
            Account(channel="facebook", native_id=f"{other.pk}{Account.objects.count() + n}", name=f"B{n:03}", team=Team.default())
            for n in range(number)
        )  # fmt: skip
        AccountToken.objects.bulk_create(AccountToken(account=one, token=token) for one in made)
        AccountToken.objects.bulk_create(AccountToken(account=one, token=other) for one in made[::2])

    def page() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as asked:
            text = client.get(reverse("remove_log_in", args=[token.pk])).content.decode()
        return text, len(asked)

    add(4)
    _, few = page()
    add(150)

    text, many = page()

    assert many == few
    assert "77 accounts stop" in text
    assert text.count("and 57 more") == 2
    assert text.count("<b>B") == 20 + 20
