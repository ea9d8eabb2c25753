"""One world for the contract: the stand-ins, apps on all six channels, and a clock that both sides go by."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.checks import services as sweeps
from accounts.models import Account
from tests.contract.beginnings import BEGINNINGS, LUMEN, Beginnings, beginning_of, rolled_back, together
from tests.support import memories, native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import User

OneCase = Callable[[object], AbstractContextManager[None]]
Browser = Callable[[str], Client]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See `beginnings`."""
    together(items)


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
def world(request: pytest.FixtureRequest, channels_world: Sandbox) -> Sandbox:
    if request.node.get_closest_marker(
        "django_db"
    ):  # else a beginning has them, or the test asks no database
        native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture(scope="module")
def beginnings(
    channels_process: Sandbox, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Beginnings]:
    made = Beginnings(channels_process)
    yield made
    with django_db_blocker.unblock():
        made.end()


@pytest.fixture
def db(
    request: pytest.FixtureRequest,
    world: Sandbox,
    browser: Browser,
    valkey: redis.Redis,
    beginnings: Beginnings,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """In place of pytest-django's: the database, and the stand-ins, in which some people are linked (see `beginnings`).

    No test of a file with such tests is marked `django_db`: it would begin within the open transaction.
    """
    wanted = beginning_of(request.node)
    assert wanted is not None
    channel, name = wanted

    def make() -> None:
        native.set_up_apps(world)
        people, names = BEGINNINGS[name]
        for person in people:
            native.link(browser(person), channel, person, names)

    with django_db_blocker.unblock(), beginnings.begun(wanted, make):
        valkey.flushdb()
        memories.forget()
        yield


@pytest.fixture
def ada_linked(db: None) -> None:
    """Ada carries Lumen Shoes EU and Fern Gardens."""


@pytest.fixture
def both_linked(db: None) -> None:
    """Ada carries Lumen Shoes EU, Ben is her backup."""


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
            world.keep("case")
            kept = True
        with subtests.test(msg=str(name)), rolled_back():
            yield
        clock.back()
        world.put_back("case")
        valkey.flushdb()
        memories.forget()

    return case


@pytest.fixture
def browser() -> Browser:
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
        sweeps.check_due_tokens(now=now)
        if until():
            return
        now += timedelta(hours=1)
