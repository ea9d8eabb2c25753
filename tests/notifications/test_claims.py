"""Claims of several senders at once, and the actions of staff."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from infra import liveness
from notifications.delivery import claims
from notifications.models import Message
from tests.notifications.support import claim_next, make_message
from tests.support import connections
from tests.support.factories import NOW

State = Message.State


@pytest.mark.django_db(transaction=True)
def test_eight_claimers_get_each_row_once() -> None:
    for number in range(60):
        make_message(f"reader{number}@example.com")

    def claim_all(_number: int) -> list[int]:
        taken = []
        try:
            while message := claim_next(now=NOW):
                taken.append(message.pk)
        finally:
            connection.close()
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [pk for part in pool.map(claim_all, range(8)) for pk in part]

    assert len(taken) == len(set(taken)) == 60


@pytest.mark.django_db(transaction=True)
def test_mails_to_one_reader_are_not_sent_by_two_processes_at_once() -> None:
    """ "Works again" would overtake "has stopped"."""
    first, second = make_message(), make_message()
    other = make_message("zoe@example.com")

    held = claims.claim_next(now=NOW)
    beside = [claims.claim_next(now=NOW), claims.claim_next(now=NOW)]
    assert held is not None
    claims.record_sent(held, claims.Sent("s", "t", "h"), now=NOW)
    after = claims.claim_next(now=NOW)

    assert held == first
    assert beside == [other, None]
    assert after == second


@pytest.mark.django_db(transaction=True)
def test_of_two_claims_at_the_same_moment_one_gets_the_mails_of_a_reader() -> None:
    for _ in range(20):
        make_message()

    def claim_some(_number: int) -> int:
        try:
            return int(claims.claim_next(now=NOW) is not None)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(claim_some, range(8)))

    assert sorted(taken) == [0] * 7 + [1]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.SENT, State.FAILED, State.CANCELLED])
def test_a_message_that_ended_can_be_sent_again(state: str) -> None:
    message = make_message(state=state, error="why", failures=7, message_id="<old@x>", attempts=9)
    later = NOW + timedelta(days=5)

    again = claims.send_again(message_id=message.pk, now=later)

    message.refresh_from_db()
    assert again
    assert (message.state, message.queued_at, message.failures, message.attempts) == (
        State.QUEUED,
        later,
        0,
        9,
    )
    assert message.message_id == ("" if state == State.SENT else "<old@x>")


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_a_message_on_its_way_cannot_be_sent_again(state: str) -> None:
    message = make_message(state=state)

    assert not claims.send_again(message_id=message.pk, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_a_dead_senders_message_is_taken_over_within_half_a_minute_and_a_living_ones_is_not() -> None:
    make_message()
    message = claim_next(now=NOW)
    assert message is not None
    with liveness.kept(partial(claims.renew_claim, message)):
        for seconds in range(5, 301, 5):
            liveness.renew(NOW + timedelta(seconds=seconds))

    while_it_lives = claim_next(now=NOW + timedelta(seconds=315))
    taken = claim_next(now=NOW + timedelta(seconds=325))
    claims.renew_claim(message, NOW + timedelta(seconds=326))  # of an attempt that is over

    assert while_it_lives is None
    assert taken is not None
    assert (taken.pk, taken.lost_claims) == (message.pk, 1)
    assert Message.objects.get().claimed_until == NOW + timedelta(seconds=325) + liveness.CLAIM


@pytest.mark.django_db(transaction=True)
def test_renewing_a_claim_waits_for_nobody_who_writes_its_row() -> None:
    """One thread renews all that a process holds."""
    make_message()
    message = claim_next(now=NOW)
    assert message is not None
    with connections.another() as writer, connection.cursor() as cursor:
        writer.autocommit = False
        writer.execute("select 1 from notifications_message for update")
        cursor.execute("set lock_timeout = 200")

        claims.renew_claim(message, NOW + timedelta(seconds=5))
        writer.rollback()
        claims.renew_claim(message, NOW + timedelta(seconds=10))
        cursor.execute("reset lock_timeout")

    assert Message.objects.get().claimed_until == NOW + timedelta(seconds=10) + liveness.CLAIM
