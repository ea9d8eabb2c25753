"""One world for the contract: the stand-ins, apps on all six channels, and a clock that both sides go by."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine
from django.db import transaction
from django.test import Client

from accounts import sweeps
from accounts.models import Account
from tests.support import memories, native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import User

LUMEN = "Lumen Shoes EU"
OneCase = Callable[[object], AbstractContextManager[None]]


class Clock:
    """The time of our side and of the channels', moved together."""

    def __init__(self, world: Sandbox) -> None:
        self.world, self.start = world, datetime.now(UTC)
        self._traveller: time_machine.travel | None = None

    def forward(self, *, days: float = 0, hours: float = 0) -> None:
        """Go to so long after the start of the test."""
        self.back()
        gone = timedelta(days=days, hours=hours)
        self._traveller = time_machine.travel(self.start + gone, tick=True)
        self._traveller.start()
        self.world.set_clock(offset=int(gone.total_seconds()))

    def back(self) -> None:
        """Return to the real time."""
        if self._traveller is not None:
            self._traveller.stop()
            self._traveller = None
            self.world.set_clock()


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture
def clock(world: Sandbox) -> Iterator[Clock]:
    clock = Clock(world)
    yield clock
    clock.back()


@pytest.fixture
def one_case(world: Sandbox, clock: Clock, valkey: redis.Redis, subtests: pytest.Subtests) -> OneCase:
    """A block for one of many cases that begin alike, after a set-up that they share.

    When it ends, the database, the stand-ins, both clocks, Valkey and what this process remembers are as they were before the first.
    A case that fails is named, and the others run all the same.
    """
    kept = False

    @contextmanager
    def case(name: object) -> Iterator[None]:
        nonlocal kept
        if not kept:
            world.keep()
            kept = True
        with subtests.test(msg=str(name)), _rolled_back():
            yield
        clock.back()
        world.put_back()
        valkey.flushdb()
        memories.forget()

    return case


@contextmanager
def _rolled_back() -> Iterator[None]:
    """Undo what is written in the block, which is no transaction of the product's: channels may be called in it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as TestCase marks its own
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)


@pytest.fixture
def browser() -> Callable[[str], Client]:
    """A browser in which one of our people is logged in; the same person gets the same AdToken account."""

    def open_for(key: str) -> Client:
        email = f"{key}@example.com"
        user = User.objects.filter(email=email).first() or make_user(email, name=key.title())
        client = Client()
        client.force_login(user)
        return client

    return open_for


def account(name: str = LUMEN) -> Account:
    """The account as it stands now."""
    return Account.objects.select_related("active_token").get(name=name)


def token_of(person: str) -> Token:
    """The token of a person as it stands now."""
    return Token.objects.select_related("app").get(consented_by__email=f"{person}@example.com")


def check(*, rounds: int = 3, hours: float = 5, until: Callable[[], bool] = lambda: False) -> None:
    """Let the sweep find all tokens due, as often as it takes to make up its mind, some hours later.

    `until` says whether it has, where that is seen; else it takes all rounds.
    """
    now = datetime.now(UTC) + timedelta(hours=hours)
    for _ in range(rounds):
        Token.objects.exclude(due_at=None).update(due_at=now)
        sweeps.check_due(now=now)
        if until():
            return
        now += timedelta(hours=1)
