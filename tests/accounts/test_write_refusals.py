"""A person whose writes the channel refuses does not hold the account; a key that says so falsely shifts at most once."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, AccountToken, ApiKey, RefusedWrite
from accounts.pool import services as pool
from accounts.sync import entries as pool_entries
from accounts.sync import services as write_refusals
from broker.leases import callers
from broker.leases import slow as unavailable
from macros.at_once import services as at_once
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.broker.test_broker import Job, publish
from tests.support import native
from tests.support.connections import WAITS_FOR_US, another
from tests.support.factories import NOW, link, make_account, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.channels import registry
from tokens.channels.kinds import AccessCheck, AccountList, Classification, NativeAccount, Reason, Verdict
from tokens.models import Token, TokenEvent
from users.models import Team, User

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TWO_FACTOR = Classification(
    Verdict.ACCESS_LOST, Reason.TWO_FACTOR_REQUIRED, row="two-factor required", note="Use two-factor."
)
STRANGE = Classification(
    Verdict.CONFIRM_FIRST, row="unknown answer 403", note="Not today.", unknown="ab" * 16
)
FINE = Classification(Verdict.OK)
STRANGE_ANSWER = (403, {"error": {"code": 98_765, "message": "Not today."}})
PENDING = {
    "error": {
        "code": 31,
        "error_subcode": 3858385,
        "message": "This request requires the user to take an action",
    }
}


class Pool:
    """An account with two people, as the pool has it, and jobs that report refused writes."""

    def __init__(self, people: int = 2) -> None:
        self.account = make_account()
        self.tokens = [make_token() for _ in range(people)]
        for token in self.tokens:
            link(self.account, token)
        self.settle()

    def settle(self) -> None:
        from django.db import transaction

        with transaction.atomic():
            pool.settle(account_ids=[self.account.pk], cause="test", now=NOW)
        self.account.refresh_from_db()

    def say(
        self,
        classification: Classification,
        *,
        key: int = 1,
        at: datetime = NOW,
        leased_at: datetime | None = None,
    ) -> bool:
        """Report of the active token that a write was refused; returns whether the account was shifted for it."""
        self.account.refresh_from_db()
        assert self.account.active_token is not None
        return write_refusals.take_refused_write(
            token=self.account.active_token,
            account_id=self.account.pk,
            api_key=key,
            leased_at=leased_at or at,
            classification=classification,
            found=FINE,
            now=at,
        )

    def entry(self, person: int = 0) -> AccountToken:
        return AccountToken.objects.select_related("token").get(
            account=self.account, token=self.tokens[person]
        )

    def active(self) -> Token | None:
        self.account.refresh_from_db()
        return self.account.active_token


def test_a_refusal_that_the_table_knows_shifts_the_account_and_leaves_the_log_in_alone() -> None:
    shop = Pool()
    before = Token.objects.get(pk=shop.tokens[0].pk)

    assert shop.say(TWO_FACTOR)

    entry = shop.entry()
    assert shop.active() == shop.tokens[1]
    assert (entry.access, entry.can_publish, entry.access_reason) == ("ok", "no", "two_factor_required")
    shift = shop.account.events.get(kind="shifted")
    assert (shift.cause, shift.source) == ("two_factor_required", "report")
    assert shop.account.events.get(kind="access").note == "Use two-factor."
    after = Token.objects.get(pk=before.pk)
    assert (after.state, after.generation) == ("valid", before.generation)


@pytest.mark.django_db(transaction=True)
def test_whoever_may_not_write_is_mailed_the_reason_and_the_steps_once_for_all_accounts() -> None:
    ada = make_user("ada@example.com", name="Ada Okafor")
    shops = [Pool(), Pool()]
    Token.objects.filter(pk__in=[shop.tokens[0].pk for shop in shops]).update(consented_by=ada)
    for shop in shops:
        shop.say(TWO_FACTOR)

    at_once.tell_news(NOW + MINUTE)
    delivery.deliver()

    message = Message.objects.get(recipient=ada.email)
    assert (message.kind, message.state) == ("news", "sent")
    for word in (
        "two-factor authentication",
        shops[0].account.name,
        shops[1].account.name,
        "Accounts Center",
    ):
        assert word in message.text


def test_the_last_person_who_may_not_write_deactivates_the_account_with_the_reason() -> None:
    shop = Pool(people=1)

    assert shop.say(TWO_FACTOR)

    shop.account.refresh_from_db()
    told = unavailable.not_available(shop.account.pk, teams=None)
    assert (shop.account.state, shop.account.reason) == ("deactivated", "two_factor_required")
    assert (told.reason, told.steps) == (
        "two_factor_required",
        registry.get("facebook").steps(Reason.TWO_FACTOR_REQUIRED),
    )
    assert "puts it right at Facebook first, or somebody else links" in told.detail


def test_what_the_role_says_counts_less_than_a_refused_write_until_a_week_has_passed() -> None:
    shop = Pool()
    shop.say(TWO_FACTOR)
    listed = AccountList((NativeAccount(shop.account.native_id, shop.account.name, can_publish="yes"),))

    def read(at: datetime) -> str:
        token = shop.tokens[0]
        pool_entries.apply_answers(
            token=token, generation=token.generation, listed=listed, now=at, source="sweep"
        )
        return shop.entry().can_publish

    assert [read(NOW + 6 * DAY), read(NOW + 8 * DAY)] == ["no", "yes"]


def test_a_new_consent_and_a_good_write_and_staff_make_the_role_count_again() -> None:
    shop = Pool()
    token, listed = (
        shop.tokens[0],
        AccountList((NativeAccount(shop.account.native_id, shop.account.name, can_publish="yes"),)),
    )
    shop.say(TWO_FACTOR)
    Token.objects.filter(pk=token.pk).update(linked_at=NOW + DAY)

    pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=NOW + DAY, source="link"
    )

    assert shop.entry().can_publish == "yes"
    AccountToken.objects.update(write_refused_at=NOW + 2 * DAY, write_refusal="writing_refused")
    write_refusals.lift_refusals(token_ids=[token.pk], now=NOW + 2 * DAY)
    assert shop.entry().write_refused_at is None
    assert Token.objects.get(pk=token.pk).due_at == NOW + 2 * DAY


def test_one_unknown_refusal_or_one_keys_two_leases_shift_nothing() -> None:
    shop = Pool()

    said = [shop.say(STRANGE), shop.say(STRANGE), shop.say(STRANGE, at=NOW + 10 * MINUTE)]

    assert said == [False, False, False]
    assert shop.active() == shop.tokens[0]


@pytest.mark.parametrize(
    ("key", "minutes", "shifts"),
    [(2, 50, True), (2, 61, False), (1, 16, True)],
    ids=["second key", "late", "again"],
)
def test_a_second_keys_word_within_the_hour_shifts_and_a_later_lease_of_the_only_key(
    key: int, minutes: int, shifts: bool
) -> None:
    shop = Pool()

    assert [shop.say(STRANGE), shop.say(STRANGE, key=key, at=NOW + minutes * MINUTE)] == [False, shifts]
    assert shop.active() == shop.tokens[shifts]
    assert shop.entry().access_reason == ("writing_refused" if shifts else "")


def test_an_unknown_refusal_never_takes_the_last_person() -> None:
    shop = Pool(people=1)

    assert [shop.say(STRANGE, key=1), shop.say(STRANGE, key=2)] == [False, False]
    assert shop.active() == shop.tokens[0]


def test_a_hostile_key_shifts_one_account_once_by_unknown_refusals() -> None:
    shops = [Pool(people=3) for _ in range(3)]

    said = [shop.say(STRANGE, at=NOW + number * 16 * MINUTE) for number in range(8) for shop in shops]

    assert said.count(True) == 1


def test_a_hostile_key_does_not_walk_through_a_pool_by_known_refusals() -> None:
    shop = Pool(people=3)

    said = [shop.say(TWO_FACTOR, at=NOW + number * 5 * MINUTE) for number in range(12)]

    assert said.count(True) == 1
    assert shop.say(TWO_FACTOR, key=2, at=NOW + 60 * MINUTE), "another key's word is another word"


@pytest.mark.parametrize(
    "read",
    [
        AccessCheck(FINE, NativeAccount("1", "Shop", can_publish="no")),
        AccessCheck(FINE, NativeAccount("1", "Shop", can_publish="yes", restriction="unpaid")),
        AccessCheck(Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST)),
    ],
)
def test_a_reading_that_tells_the_trouble_itself_does_not_contradict_a_refused_write(
    read: AccessCheck,
) -> None:
    assert not write_refusals.permits_writing(read)


@pytest.mark.django_db(transaction=True)
def test_words_of_one_key_come_one_after_the_other_however_many_log_ins_they_are_about() -> None:
    shop, (key, _) = Pool(), api_keys.issue_key(name="job", scopes=[ApiKey.Scope.READ], teams=[])

    def say() -> None:
        shop.say(TWO_FACTOR, key=key.pk)
        connection.close()

    with another() as before:
        with before.transaction():
            before.execute("select 1 from accounts_apikey where id = %s for no key update", [key.pk])
            thread = threading.Thread(target=say)
            thread.start()
            while (runs := thread.is_alive()) and not before.execute(WAITS_FOR_US).fetchone():
                time.sleep(0.02)
        thread.join()

    assert runs, "it waited"
    assert shop.active() == shop.tokens[1]


@pytest.mark.django_db(transaction=True)
def test_two_words_and_a_list_at_once_shift_once_and_leave_the_pool_settled() -> None:
    shop = Pool(people=3)
    token = shop.tokens[0]
    listed = AccountList((NativeAccount(shop.account.native_id, "New name", can_publish="yes"),))
    start, said = threading.Barrier(4), []

    def run(work: object) -> None:
        try:
            start.wait(60)
            said.append(work())  # type: ignore[operator]  # a callable
        finally:
            connection.close()

    def word(key: int) -> bool:
        return write_refusals.take_refused_write(
            token=token, account_id=shop.account.pk, api_key=key, leased_at=NOW, classification=STRANGE, found=FINE, now=NOW
        )  # fmt: skip

    def read() -> None:
        pool_entries.apply_answers(
            token=token, generation=token.generation, listed=listed, now=NOW, source="sweep"
        )

    threads = [
        threading.Thread(target=run, args=(work,)) for work in (lambda: word(1), lambda: word(2), read, read)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(said, key=str) == [False, None, None, True]
    assert (shop.active(), shop.entry().can_publish) == (shop.tokens[1], "no")
    assert shop.account.events.filter(kind="shifted").count() == 1
    assert pool.differences() == []


# --- through the API, with the stand-in Facebook behind it ----------------------------------------------------------


@pytest.fixture
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    callers._facts.clear()
    return channels_world


def job_for(account: Account) -> Job:
    """A job with a key of its own."""
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    return Job(key, "facebook", account.native_id)


def test_whoever_must_authenticate_in_ads_manager_is_passed_over_and_comes_back_by_a_new_consent(
    world: Sandbox,
) -> None:
    account = native.linked("facebook", "ada", "ben")
    job = job_for(account)
    world.add_fault("facebook", path="campaigns", method="POST", user="ada", status=400, body=PENDING)
    lease = job.lease().json()
    refused = publish(account, lease)

    told = job.report(lease["lease_id"], refused).json()

    assert (told["action"], told["reason"]) == ("retry_with", "verification_required")
    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert publish(account, told["lease"]).status_code == 200
    sweeps.check_due_tokens(now=datetime.now(UTC) + timedelta(hours=5))
    ada = AccountToken.objects.get(token__native_user_name="Ada Okafor")
    assert (ada.can_publish, ada.access_reason) == ("no", "verification_required")
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}

    client = Client()
    client.force_login(User.objects.get(email="ada@example.com"))
    native.consent(client, "facebook", "ada")

    ada.refresh_from_db()
    assert ada.can_publish == "yes"


def test_a_refused_write_that_is_not_believed_is_not_answered_as_fine(world: Sandbox) -> None:
    account = native.linked("facebook", "ada", "ben")
    job = job_for(account)
    world.add_fault("facebook", path="campaigns", method="POST", status=400, body=PENDING)
    lease = job.lease().json()
    second = job.report(lease["lease_id"], publish(account, lease)).json()["lease"]

    told = job.report(second["lease_id"], publish(account, second)).json()

    assert (told["verdict"], told["action"], told["reason"], told["retry_after"]) == (
        "access_lost",
        "retry_later",
        "verification_required",
        3600,
    )
    assert "once an hour" in told["detail"]


def test_a_reading_jobs_refusal_says_nothing_of_writing(world: Sandbox) -> None:
    account = native.linked("facebook", "ada", "ben")
    job = job_for(account)
    lease = job.lease(purpose="read").json()

    told = job.report(lease["lease_id"], (400, PENDING)).json()

    assert (told["verdict"], told["action"]) == ("ok", "none")
    assert not RefusedWrite.objects.exists()
    assert TokenEvent.objects.filter(kind="disputed").exists()


def test_where_our_own_reading_tells_the_trouble_a_jobs_word_is_not_kept(world: Sandbox) -> None:
    account = native.linked("facebook", "ada", "ben")
    job = job_for(account)
    lease = job.lease().json()
    world.give_role("facebook", "Lumen Shoes EU", "ada", "reader")

    told = job.report(lease["lease_id"], STRANGE_ANSWER).json()

    assert (told["action"], told["lease"]["native_user"]) == ("retry_with", "Ben Lindqvist")
    assert not RefusedWrite.objects.exists()


def test_a_second_keys_word_counts_also_where_the_channel_was_asked_a_moment_ago(world: Sandbox) -> None:
    account = native.linked("facebook", "ada", "ben")
    first, second = job_for(account), job_for(account)
    lease, other = first.lease().json(), second.lease().json()
    alone = first.report(lease["lease_id"], STRANGE_ANSWER).json()
    world.clear_calls()

    told = second.report(other["lease_id"], STRANGE_ANSWER).json()

    assert (alone["action"], told["action"]) == ("none", "retry_with")
    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert world.calls(channel="facebook") == []


def test_a_good_write_lets_the_person_write_again(world: Sandbox) -> None:
    account = native.linked("facebook", "ada", "ben")
    job = job_for(account)
    early, late, reads = job.lease().json(), job.lease().json(), job.lease(purpose="read").json()
    job.report(late["lease_id"], (400, PENDING))
    path = f"/api/v1/leases/{early['lease_id']}/report"

    job.client.post(
        path, {"status": 200, "body": {"data": []}, "method": "GET"}, content_type="application/json"
    )
    job.client.post(
        f"/api/v1/leases/{reads['lease_id']}/report",  # a report of figures is asked for by POST
        {"status": 200, "body": {"report_run_id": "1"}, "method": "POST"},
        content_type="application/json",
    )
    assert AccountToken.objects.exclude(write_refused_at=None).exists()
    job.client.post(
        path, {"status": 200, "body": {"id": "1"}, "method": "POST"}, content_type="application/json"
    )
    sweeps.check_due_tokens(now=datetime.now(UTC))

    assert set(AccountToken.objects.values_list("can_publish", flat=True)) == {"yes"}


NOT_TOLD = NativeAccount("1", "Shop", role_told=False)


@pytest.mark.parametrize(
    ("known", "later", "expected"),
    [
        (
            NativeAccount("1", "Shop", role="Ad manager", can_publish="yes"),
            NOT_TOLD,
            ("Ad manager", "yes", ""),
        ),
        (
            NativeAccount("1", "Shop", role="Analyst", can_publish="no"),
            NOT_TOLD,
            ("Analyst", "no", Reason.PUBLISHING_LOST),
        ),
        (
            NativeAccount("1", "Shop", role="Analyst", can_publish="no"),
            NativeAccount("1", "Shop", role="", can_publish="unknown"),
            ("", "unknown", ""),
        ),
        (
            NativeAccount("1", "Shop", role="Ad manager", can_publish="yes"),
            NativeAccount(
                "1", "Shop", can_publish="no", role_told=False
            ),  # the permission is missing, whatever the role
            ("", "no", Reason.PUBLISHING_LOST),
        ),
    ],
)
def test_a_role_that_nobody_could_be_asked_about_stays_as_it_is_known(
    known: NativeAccount, later: NativeAccount, expected: tuple[str, str, str]
) -> None:
    shop = Pool(people=1)
    entry = AccountToken.objects.get()

    for said in (known, later):
        reading = AccessCheck(Classification(Verdict.OK), said)
        pool_entries.apply_answers(
            token=shop.tokens[0], generation=shop.tokens[0].generation, readings={shop.account.pk: reading},
            now=NOW, source="check",
        )  # fmt: skip

    entry.refresh_from_db()
    assert (entry.role, entry.can_publish, entry.access_reason) == expected


def test_a_refusal_that_is_over_is_not_kept_by_a_role_that_nobody_could_be_asked_about() -> None:
    shop = Pool(people=1)
    shop.say(TWO_FACTOR)
    refused = AccountToken.objects.get().can_publish

    pool_entries.apply_answers(
        token=shop.tokens[0], generation=shop.tokens[0].generation,
        readings={shop.account.pk: AccessCheck(Classification(Verdict.OK), NOT_TOLD)}, now=NOW + 60 * DAY, source="check",
    )  # fmt: skip

    entry = AccountToken.objects.get()
    assert refused == "no"
    assert (entry.can_publish, entry.access_reason) == ("unknown", "")
