"""What a log-in reaches is kept from every list that is read, and goes with what it says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import tasks
from accounts.checks import services as sweeps
from accounts.models import Account, ListReading, ReachedAccount
from accounts.sync import entries as pool_entries
from accounts.sync import reach
from tests.support import native
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.channels.kinds import AccountList, NativeAccount
from tokens.models import Doubt, Token
from users.models import User

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ids(token: Token | None = None) -> set[str]:
    rows = ReachedAccount.objects.filter(token=token) if token else ReachedAccount.objects.all()
    return set(rows.values_list("native_id", flat=True))


def one(native_id: str, **fields: Any) -> NativeAccount:
    return NativeAccount(native_id, f"Shop {native_id}", **{"role": "Admin", "can_publish": "yes", **fields})


def apply(token: Token, *natives: NativeAccount, now: datetime = NOW, **fields: Any) -> None:
    listed = AccountList(natives, complete=fields.pop("complete", True))
    pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=now, source="sweep", **fields
    )


def calls(world: Sandbox) -> list[str]:
    return [call["path"] for call in world.calls(channel="facebook")]


# --- the writer -------------------------------------------------------------------------------------------------------


def test_a_list_is_kept_with_roles_and_without_closed_accounts() -> None:
    token = make_token()

    apply(token, one("1"), one("2", role="Analyst", can_publish="no"), one("3", closed=True))

    rows = ReachedAccount.objects.order_by("native_id").values_list(
        "native_id", "role", "can_publish", "seen_at"
    )
    assert list(rows) == [("1", "Admin", "yes", NOW), ("2", "Analyst", "no", NOW)]
    assert ListReading.objects.get().at == NOW


def test_a_complete_list_removes_what_it_lacks_and_an_incomplete_one_only_what_it_calls_closed() -> None:
    token = make_token()
    apply(token, one("1"), one("2"), one("3"))

    apply(token, one("1"), one("3", closed=True), complete=False)
    incomplete = ids()
    apply(token, one("1"))

    assert incomplete == {"1", "2"}
    assert ids() == {"1"}


def test_a_list_that_failed_and_one_whose_losses_are_doubted_remove_nothing() -> None:
    token = make_token()
    apply(token, one("1"), one("2"))

    apply(token, complete=False)
    apply(token, doubted=frozenset({(Doubt.Kind.ACCESS, "1")}))

    assert ids() == {"1", "2"}


def test_a_list_that_says_what_is_kept_writes_nothing_for_a_day() -> None:
    token = make_token()
    apply(token, one("1"), one("2"))

    with CaptureQueriesContext(connection) as queries:
        apply(token, one("1"), one("2"), now=NOW + 23 * HOUR)
    soon = set(ReachedAccount.objects.values_list("seen_at", flat=True))
    apply(token, one("1"), one("2", role="Analyst"), now=NOW + 25 * HOUR)

    assert not [
        one for one in queries if one["sql"].lstrip().lower().startswith(("insert", "update", "delete"))
    ]
    assert soon == {NOW}
    assert set(ReachedAccount.objects.values_list("role", "seen_at")) == {
        ("Admin", NOW + 25 * HOUR),
        ("Analyst", NOW + 25 * HOUR),
    }


def test_a_role_that_nobody_could_be_asked_about_stays_as_it_was() -> None:
    token = make_token()
    apply(token, one("1", role="Admin", can_publish="yes"))

    apply(token, one("1", role="", can_publish="unknown", role_told=False))

    assert ReachedAccount.objects.values_list("role", "can_publish").get() == ("Admin", "yes")


def test_a_list_that_was_asked_for_before_a_consent_is_not_kept() -> None:
    token = make_token()
    Token.objects.filter(pk=token.pk).update(generation=token.generation + 1)

    apply(token, one("1"))

    assert ids() == set()


def test_what_a_log_in_reached_goes_when_it_ends_and_is_read_again_at_once_when_it_is_back() -> None:
    token = make_token(linked_at=NOW - DAY)
    link(make_account(native_id="1"), token)
    apply(token, one("1"), one("2"))

    end(token)

    token.refresh_from_db()
    assert token.state == "dead"
    assert ids() == set()
    assert reach.tokens_to_list([token], NOW) == {token.pk}


def test_what_a_log_in_reached_goes_when_it_is_removed_or_deleted(world: Sandbox, ada: User) -> None:
    native.keep(ada, "ada")
    token = Token.objects.get()
    kept = ids(token)

    lifecycle.remove(
        token_id=token.pk, generation=token.generation, actor=make_user(), note="", now=datetime.now(UTC)
    )

    assert len(kept) > 1
    assert ids() == set()
    other = make_token()
    apply(other, one("1"))
    other.delete()
    assert ids() == set()


def test_what_no_list_has_named_for_a_month_is_forgotten_at_night() -> None:
    token = make_token()
    apply(token, one("1"), now=datetime.now(UTC) - 31 * DAY)
    apply(token, one("2"), now=datetime.now(UTC), complete=False)

    tasks.nightly_check()

    assert ids() == {"2"}


# --- who reads lists --------------------------------------------------------------------------------------------------


def test_a_consent_keeps_what_its_list_named_also_what_was_not_chosen(world: Sandbox, ada: User) -> None:
    native.keep(ada, "ada")

    account = Account.objects.get()
    assert account.native_id in ids(Token.objects.get())
    assert len(ids()) > 1


def test_a_check_of_few_accounts_reads_the_list_once_a_week(world: Sandbox, ada: User) -> None:
    native.keep(ada, "ada")
    now = datetime.now(UTC)
    ReachedAccount.objects.all().delete()

    def check(at: datetime) -> bool:
        world.clear_calls()
        Token.objects.update(due_at=at)
        sweeps.check_due_tokens(now=at)
        return any("/me/adaccounts" in path for path in calls(world))

    after_the_consent, in_a_week, soon_after = (
        check(now + 5 * HOUR),
        check(now + 9 * DAY),
        check(now + 9 * DAY + 5 * HOUR),
    )

    assert (after_the_consent, in_a_week, soon_after) == (False, True, False)
    assert Account.objects.get().native_id in ids()


def test_a_log_in_from_before_is_listed_by_its_next_check(world: Sandbox, ada: User) -> None:
    """An upgrade starts empty."""
    native.keep(ada, "ada")
    ReachedAccount.objects.all().delete()
    ListReading.objects.all().delete()
    Token.objects.update(linked_at=datetime.now(UTC) - 90 * DAY)

    sweeps.check_due_tokens(now=datetime.now(UTC) + 5 * HOUR)

    assert Account.objects.get().native_id in ids()
    assert ListReading.objects.count() == 1


def test_a_list_that_cannot_be_had_takes_no_reading_away_and_is_asked_for_again_in_a_day(
    world: Sandbox, ada: User
) -> None:
    native.keep(ada, "ada")
    account, now = Account.objects.get(), datetime.now(UTC) + 9 * DAY
    kept = ids()
    world.set_account_status("facebook", "Lumen Shoes EU", account_status=3)
    world.add_fault("facebook", path="/me/adaccounts", status=503, body="<h1>Sorry</h1>")

    sweeps.check_due_tokens(now=now)

    assert Doubt.objects.get().about == account.native_id  # read singly
    assert ids() == kept
    token = Token.objects.get()
    assert reach.tokens_to_list([token], now + 12 * HOUR) == set()
    assert reach.tokens_to_list([token], now + 3 * DAY) == {token.pk}


def test_whose_list_is_old_is_asked_of_all_in_one_query() -> None:
    tokens = [make_token(linked_at=NOW - DAY) for _ in range(3)]
    fresh = make_token(linked_at=NOW - timedelta(minutes=5))
    apply(tokens[0], one("1"), now=NOW - HOUR)
    apply(tokens[1], now=NOW - 9 * DAY)

    with CaptureQueriesContext(connection) as queries:
        old = reach.tokens_to_list([*tokens, fresh], NOW)

    assert old == {tokens[1].pk, tokens[2].pk}
    assert len(queries) == 1


def test_forgetting_runs_beside_a_list_that_is_written() -> None:
    token = make_token()
    apply(token, one("1"))

    with transaction.atomic():
        Token.objects.filter(pk=token.pk).locked().get()
        reach.forget_log_ins(token_ids=[token.pk])

    assert ids() == set()
