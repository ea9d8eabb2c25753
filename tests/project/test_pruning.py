"""Old history goes at night; what the product still needs stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import AccountEvent, Ask, AskLine
from adtoken_project.ops import pruning
from macros.models import Delivery, Evaluation, Event, Notice, Told
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.macros.support import ending, make_macro
from tests.macros.test_webhooks import endpoint_to
from tests.support import connections
from tests.support.ends import make_doubt
from tests.support.factories import NOW, make_account, make_token
from tokens.models import Doubt, TokenEvent

pytestmark = pytest.mark.django_db


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def prune(now: datetime = NOW, **options: Any) -> int:
    return pruning.prune_history(now=now, **options)


def message(days: int, **fields: Any) -> Message:
    at = ago(days)
    made: dict[str, Any] = {
        "state": "sent",
        "kind": "died",
        "recipient": "a@example.com",
        "text": "old",
        "html": "<p>old</p>",
    }
    made |= {"created_at": at, "queued_at": at, "next_attempt_at": at}
    made |= {"sent_at": at if fields.get("state", "sent") == "sent" else None}
    return Message.objects.create(dedupe_key=f"died:{Message.objects.count()}", **made | fields)


def test_of_events_that_are_too_old_the_newest_of_each_kind_stays() -> None:
    token, account = make_token(), make_account()
    for days in (500, 450, 20):
        TokenEvent.objects.create(token=token, kind="linked", at=ago(days))
        TokenEvent.objects.create(token=token, kind="renewed", at=ago(days))
        AccountEvent.objects.create(account=account, kind="connected", at=ago(days))
    for days in (500, 450):
        TokenEvent.objects.create(token=token, kind="died", at=ago(days))
    TokenEvent.objects.create(token=token, kind="linked", at=ago(60))
    TokenEvent.objects.create(token=token, kind="renewed", at=ago(60))

    prune()

    assert set(token.events.filter(kind="linked").values_list("at", flat=True)) == {ago(60), ago(20)}
    assert token.events.get(kind="renewed").at == ago(20)
    assert token.events.get(kind="died").at == ago(450)
    assert account.events.get().at == ago(20)


def test_what_the_event_of_an_account_refers_to_stays() -> None:
    token, account = make_token(), make_account()
    cause = TokenEvent.objects.create(token=token, kind="died", at=ago(500))
    TokenEvent.objects.create(token=token, kind="died", at=ago(5))
    AccountEvent.objects.create(account=account, kind="deactivated", token_event=cause, at=ago(500))

    prune()

    assert account.events.get().token_event == cause


def test_a_warning_that_was_told_before_the_night_is_not_told_again_after_it() -> None:
    make_macro(days=[30])
    ending(20)
    evaluation.evaluate(now=NOW)
    Notice.objects.update(outcome="mailed")
    Message.objects.update(state="sent", sent_at=NOW)
    Evaluation.objects.update(started_at=ago(500))
    Message.objects.update(created_at=ago(500), queued_at=ago(500), sent_at=ago(500))

    prune()

    assert not Notice.objects.filter(message=None).exists()  # they stay, without their texts
    assert evaluation.evaluate(now=NOW).notice_count == 0


def test_notices_of_an_earlier_cycle_go_and_those_that_wait_stay() -> None:
    action = make_macro(days=[30])
    account = ending(20)
    run = Evaluation.objects.create(on_date=ago(500).date(), trigger="hand", started_at=ago(500))
    facts = {"evaluation": run, "action": action, "account": account, "team": account.team, "threshold": 30}
    Notice.objects.create(cycle=account.cycle - 1, recipient="a@example.com", outcome="mailed", **facts)
    waits = Notice.objects.create(cycle=account.cycle - 1, recipient="b@example.com", **facts)

    prune()

    assert Notice.objects.get() == waits
    assert Evaluation.objects.get() == run


def test_an_evaluation_without_notices_goes() -> None:
    Evaluation.objects.create(on_date=ago(500).date(), started_at=ago(500))
    Evaluation.objects.create(on_date=ago(5).date(), started_at=ago(5))

    prune()

    assert Evaluation.objects.get().on_date == ago(5).date()


def test_messages_lose_their_texts_first_and_themselves_later_but_not_while_they_wait() -> None:
    bare, whole = message(100), message(5)
    for kind in ("macro", "webhook"):
        message(500, kind=kind)
    waits = message(500, state="queued")
    again = message(500, queued_at=ago(1), state="failed")

    prune()

    left = {row.pk: (row.text, row.html) for row in Message.objects.all()}
    kept = ("old", "<p>old</p>")
    assert left == {bare.pk: ("", ""), whole.pk: kept, waits.pk: kept, again.pk: kept}


def test_a_message_stays_while_a_notice_names_it() -> None:
    account = make_account()
    told, over = message(500), message(500)
    facts = {
        "account": account,
        "kind": "deactivated",
        "dark": True,
        "outcome": "mailed",
        "event": 1,
        "at": ago(500),
    }
    Told.objects.create(message=told, recipient="a@example.com", **facts)
    Told.objects.create(message=over, recipient="b@example.com", over_at=ago(450), **facts)

    prune()

    assert Told.objects.get().message == told
    assert Message.objects.get() == told


def test_asks_that_are_over_go_with_their_lines_and_what_is_still_asked_stays() -> None:
    account = make_account()
    for days, ended in ((450, True), (450, False), (10, True)):
        over = {"ended_at": ago(days), "ending": "all_done"} if ended else {}
        ask = Ask.objects.create(what="back_up", created_at=ago(days), ends_at=ago(days), **over)
        AskLine.objects.create(ask=ask, account=account, token=make_token(), stage="done")

    prune()
    prune()

    assert [bool(one.ended_at) for one in Ask.objects.order_by("pk")] == [False, True]
    assert AskLine.objects.count() == 2


@pytest.mark.parametrize("kind", ["operators", "api_key"])
def test_what_a_sweep_asks_for_by_its_key_stays(kind: str) -> None:
    message(900, kind=kind)

    prune()

    assert Message.objects.exists()


def test_what_systems_are_told_goes_after_thirty_days_with_its_deliveries() -> None:
    endpoint = endpoint_to("https://example.com/hook")
    for days in (31, 29):
        event = Event.objects.create(
            key=f"{days}", type="account.shifted", channel="x", at=ago(days), created_at=ago(days)
        )
        Delivery.objects.create(endpoint=endpoint, event=event, next_at=ago(days))

    prune()

    assert [one.event.key for one in Delivery.objects.select_related("event")] == ["29"]
    assert Event.objects.count() == 1


def test_doubts_go_once_they_are_over() -> None:
    open_one = make_doubt(make_token(), now=ago(500))
    make_doubt(make_token(), now=ago(500), ended_at=ago(499))

    prune()

    assert list(Doubt.objects.all()) == [open_one]


def test_a_run_goes_on_in_batches_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    token = make_token()
    TokenEvent.objects.bulk_create(TokenEvent(token=token, kind="renewed", at=ago(50)) for _ in range(7))

    nothing, rest = prune(seconds=-1), prune()

    assert (nothing, rest, token.events.count()) == (0, 6, 1)


@pytest.mark.parametrize(("hour", "works"), [(0, True), (1, True), (3, True), (7, False)])
def test_it_works_at_night(hour: int, works: bool) -> None:  # UTC; local is an hour later
    token = make_token()
    TokenEvent.objects.bulk_create(TokenEvent(token=token, kind="renewed", at=ago(50)) for _ in range(3))

    assert (pruning.run_at_night(now=NOW.replace(hour=hour)) > 0) is works


@pytest.mark.django_db(transaction=True)
def test_rows_that_somebody_has_locked_are_left_and_nobody_waits() -> None:
    token = make_token()
    TokenEvent.objects.bulk_create(TokenEvent(token=token, kind="renewed", at=ago(50)) for _ in range(3))
    locked = TokenEvent.objects.earliest("pk")
    with connections.another() as other, other.transaction():
        other.execute("select 1 from tokens_tokenevent where id = %s for update", [locked.pk])
        removed = prune()

    assert removed == 1
    assert TokenEvent.objects.filter(pk=locked.pk).exists()
