"""A clock that starts anew with every use: AdToken keeps such tokens alive by itself, and warns where it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import sweeps
from macros import evaluation, mails
from macros.models import Notice
from notifications.models import Message
from tests.contract.conftest import account, token_of
from tests.contract.made_up.idling.channel import CHANNEL as IDLING
from tests.contract.made_up.installed import installed
from tests.contract.made_up.stand_in import StandIn
from tests.contract.test_made_up import link
from tests.support.factories import NOW, make_app, make_token
from tokens import deadlines, lifecycle
from tokens.channels import registry
from tokens.channels.checks import problems
from tokens.channels.kinds import Idle, Renewal, Use
from tokens.models import Token, TokenEvent

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]
DAY = timedelta(days=1)
LIFE = 180  # days


@pytest.fixture
def idling(settings: Settings, browser: Browser) -> Iterator[StandIn]:
    """Ada's log-in keeps the ad account connected."""
    with StandIn(renews=True) as world, installed(IDLING, world, settings):
        link(browser("ada"), world, "idling", "ada")
        yield world


def live(first: int, last: int, *, step: int = 7) -> None:
    """Let the sweep, the hourly look and the daily evaluation run on some days after the consent."""
    began = token_of("ada").linked_at
    for day in range(first, last, step):
        now = began + day * DAY
        sweeps.check_due(now=now)
        lifecycle.date_unused(now=now)
        evaluation.evaluate(now=now)


def test_a_log_in_that_is_renewed_in_time_has_no_end_and_nobody_is_warned(idling: StandIn) -> None:
    before = token_of("ada")

    live(1, 2 * LIFE, step=14)

    after = token_of("ada")
    assert (after.state, after.deadline_kind, after.cycle) == ("valid", "never", before.cycle)
    assert after.renewed_at is not None
    assert after.renewed_at > before.linked_at + 2 * (LIFE - 14) * DAY
    assert not Notice.objects.exists()


def test_a_log_in_that_cannot_be_renewed_is_warned_of_once_for_each_threshold(idling: StandIn) -> None:
    idling.mute = True
    live(1, LIFE - 40, step=21)
    dated = token_of("ada")

    for days in (30, 7, 1):
        live(LIFE - days - 1, LIFE - days + 2, step=1)

    token = token_of("ada")
    assert token.deadline == token.linked_at + LIFE * DAY
    assert (token.deadline_clock, token.cycle, token.cycle_since) == ("idle", dated.cycle, dated.cycle_since)
    assert account("Lumen Shoes EU").deadline == token.deadline
    warned = Notice.objects.filter(recipient="ada@example.com").order_by("evaluation__on_date")
    assert list(warned.values_list("threshold", flat=True)) == [30, 7, 1]
    with time_machine.travel(token.deadline - 7 * DAY, tick=False):
        mail = mails.build(Message.objects.filter(kind="macro").earliest("pk"))
    assert "ends authorisations that are not used for a long time" in " ".join(mail.text.split())


def test_one_use_takes_the_date_back(idling: StandIn) -> None:
    idling.mute = True
    live(1, 60)
    assert token_of("ada").deadline_kind == "date"
    idling.mute = False

    live(60, 75)

    token = token_of("ada")
    assert (token.deadline_kind, token.deadline, token.deadline_clock) == ("never", None, "")
    assert token.events.filter(kind=TokenEvent.Kind.DATES).count() == 1  # the renewal is an event of its own


def test_the_date_comes_although_the_channel_is_not_asked_at_all(idling: StandIn) -> None:
    quiet = IDLING.lifetime.idle.quiet  # type: ignore[union-attr]  # it has one
    began = token_of("ada").linked_at

    early = lifecycle.date_unused(now=began + quiet - DAY)
    on_time = lifecycle.date_unused(now=began + quiet + DAY)
    again = lifecycle.date_unused(now=began + quiet + 2 * DAY)

    assert (early, on_time, again) == (0, 1, 0)
    assert account("Lumen Shoes EU").deadline == began + LIFE * DAY


def test_what_is_refused_after_that_ended_because_nobody_used_it(idling: StandIn) -> None:
    idling.mute = True
    live(1, 60)
    idling.mute, idling.ended = False, {"ada"}

    live(LIFE + 1, LIFE + 2)

    token = token_of("ada")
    assert (token.state, token.reason) == ("dead", "unused")


@pytest.mark.parametrize(
    ("kept_by", "every", "told"),
    [
        (frozenset(), 7, "does not say in lifetime.idle what counts as use"),
        (frozenset({"renewal"}), 30, "renews too seldom for lifetime.idle"),
        (frozenset({"renewal", "check"}), 30, ""),
    ],
)
def test_a_check_tells_what_would_let_log_ins_die_unused(
    kept_by: frozenset[Use], every: int, told: str, idling: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = replace(IDLING.lifetime, idle=Idle(LIFE * DAY, kept_by))
    monkeypatch.setattr(type(IDLING), "lifetime", life)
    renewal = Renewal(exchange=False, source="https://made-up.example", every=every * DAY)
    monkeypatch.setattr(type(IDLING), "renewal", renewal)

    said = [one.msg for one in problems("idling", IDLING) if "idle" in one.msg.replace("idling", "")]

    assert len(said) == bool(told)
    assert told in " ".join(said)


@pytest.mark.parametrize(
    ("kept_by", "last_use"),
    [({"renewal"}, "renewed_at"), ({"check"}, "proven_at"), ({"job"}, "last_used_at")],
)
def test_only_what_the_channel_takes_as_use_moves_the_end(
    kept_by: set[Use], last_use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = registry.get("snapchat")
    life = replace(channel.lifetime, idle=Idle(40 * DAY, frozenset(kept_by)))
    monkeypatch.setattr(type(channel), "lifetime", life)
    app, columns = make_app("snapchat"), ("renewed_at", "proven_at", "last_used_at")
    ages = (None, 1, 12)
    for cells in product(ages, repeat=3):
        used = {
            name: None if age is None else NOW - age * DAY for name, age in zip(columns, cells, strict=True)
        }
        make_token(app, linked_at=NOW - 20 * DAY, has_refresh_token=True, **used)
    tokens = list(Token.objects.all())

    found = {token.pk: deadlines.ends_at(token, NOW) for token in tokens}

    for token in tokens:
        used_at = getattr(token, last_use) or token.linked_at
        assert found[token.pk] == (used_at + 40 * DAY if used_at < NOW - 10 * DAY else None)
    rows = Token.objects.filter(deadlines.to_be_dated("snapchat", life.idle, NOW))  # type: ignore[arg-type]
    assert {row.pk for row in rows} == {pk for pk, at in found.items() if at is not None}
