"""Fixtures for all tests. The servers behind them are started by tests/support/servers.py."""

import gc
import os
import subprocess
from collections.abc import Generator, Iterator
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import django.conf
import pytest
import pytest_django
import redis
import time_machine
from hypothesis import HealthCheck
from hypothesis import settings as effort
from xdist.scheduler import LoadFileScheduling

from tests.support import chromium, emptying, migrated, servers
from tests.support.factories import NOW, make_user
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from users.models import User

# How long an example takes says how busy the machine is.
effort.register_profile(
    "busy",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
effort.load_profile("busy")

# Real servers, real handshakes and walks over everything: left out by `make quick`, which is to take under a minute.
SLOW_FILES = (
    "contract/test_bad_servers.py",
    "contract/test_garbage.py",
    "contract/test_leases.py",
    "contract/test_linking.py",
    "contract/test_lives.py",
    "contract/test_second_app.py",
    "contract/test_year.py",
    "launcher/test_embedded_servers.py",
    "launcher/test_launcher.py",
    "accounts/leaving/test_services.py",
    "accounts/linking/test_linking.py",
    "accounts/pushes/test_deletion.py",
    "accounts/pushes/test_facebook.py",
    "accounts/pushes/test_refusals.py",
    "accounts/pushes/test_tiktok.py",
    "accounts/pushes/test_worker.py",
    "accounts/pushes/test_x.py",
    "accounts/linking/test_system_users.py",
    "portal/test_asking.py",
    "portal/test_account_actions.py",
    "portal/test_account_list.py",
    "broker/test_broker.py",
    "gate/test_passing.py",
    "accounts/test_channel_without_app.py",
    "accounts/test_removal.py",
    "portal/test_leaving.py",
    "accounts/test_same_words.py",
    "accounts/test_second_app.py",
    "accounts/test_sweeps.py",
    "accounts/test_telling_live.py",
    "macros/test_evaluation.py",
    "notifications/test_connections.py",
    "notifications/test_delivery.py",
    "notifications/test_outbox.py",
    "sandbox/test_control.py",
    "tokens/channels/test_grants.py",
    "tokens/channels/test_handshakes.py",
    "tokens/channels/test_lists.py",
    "tokens/channels/test_oauth1.py",
    "tokens/channels/test_oauth2.py",
    "tokens/channels/test_questions.py",
    "tokens/channels/test_readings.py",
    "tokens/channels/test_way_back.py",
    "users/test_log_in.py",
    "project/test_demo_fleet.py",
    "users/test_second_factor.py",
    "test_whole.py",
)


WALKS = "tests/e2e/"
PHOTOGRAPHS = f"{WALKS}test_photographs.py"  # of a server of their own
# In this order before all others; the last files of a run are short ones.
LONGEST = (
    "/tests/e2e/test_story",
    "/tests/e2e/test_walk",
    f"/{PHOTOGRAPHS}",
    "/tests/launcher/",
    "/tests/users/test_roles.py",
    "/tests/contract/test_lives.py",
    "/tests/tokens/test_refresh_lane.py",
    "/tests/project/test_german_pages.py",
    "/tests/drills/",
    "/tests/test_whole.py",
    "/tests/contract/",
    "/tests/project/test_demo_fleet.py",
    "/tests/tokens/channels/test_oauth2.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Migrate a database while the parallel processes collect their tests."""
    if os.environ.get(migrated.NAME):
        config.add_cleanup(partial(_wait_for, migrated.begin()))


def _wait_for(process: "subprocess.Popen[bytes]") -> None:
    process.wait()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector the modules and tests that come and stay: it walked through them again and again.

    Nor does it look after each 700 things that are made: that took a twentieth of the processor time of tests of pages.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and run what takes longest first, so that no process ends long after the other.

    Skip browser tests where no Chromium can be had (the end of the run says so).
    """
    items.sort(key=_place)
    for item in items:
        if item.path.as_posix().endswith(SLOW_FILES):
            item.add_marker("slow")
    if chromium.find() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=chromium.NONE_FOUND))


def _place(item: pytest.Item) -> int:
    path = item.path.as_posix()
    return next((place for place, part in enumerate(LONGEST) if part in path), len(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line for all skipped browser tests."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any(chromium.NONE_FOUND in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(chromium.NONE_FOUND, red=True, bold=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Give whole files to parallel processes, and the walks of tests/e2e to one: they share one running product."""
    return _FilesAndStories(config, log) if config.getvalue("dist") == "loadfile" else None


class _FilesAndStories(LoadFileScheduling):  # type: ignore[misc]  # its package ships no types
    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return WALKS if scope.startswith(WALKS) and scope != PHOTOGRAPHS else scope


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    """A client of this process's own Valkey database."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _empty_valkey(valkey: redis.Redis) -> None:
    """Each test begins with an empty cache: rate limits and locks of one test do not reach the next."""
    valkey.flushdb()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Parallel processes copy a migrated database, where each would make its own from nothing. A process alone saves nothing by that."""
    if servers.WORKER and (name := migrated.template()):
        from django.db import connection

        connection.settings_dict["TEST"]["TEMPLATE"] = name


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """A migrated database. Tests with real transactions are cleared away by `emptying`."""
    with django_db_blocker.unblock():
        emptying.keep_what_migrate_made()
    with emptying.instead_of_truncating():
        yield


@pytest.fixture(scope="module", autouse=True)
def _dead_rows_go(django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """No file of tests pays for the rows of those before it. A PostgreSQL that somebody else named sees to that itself."""
    yield
    if emptying.copied and os.environ.get(migrated.NAME):
        with django_db_blocker.unblock():
            emptying.vacuum()


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    """Each test begins as a process does: knowing nothing of the macros, keys and channels of the test before."""
    from tests.support import memories  # it needs Django's apps, which are not loaded yet when this file is

    memories.forget()


@pytest.fixture(autouse=True)
def _tasks_go_by_the_tests_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that freezes the time freezes it for background work, too, which goes by PostgreSQL's clock otherwise.

    Also for what asks without a look: a thread that outlives its test may have looked just before.
    """
    from django.utils import timezone

    from infra import database_clock

    for name in ("now", "known"):
        monkeypatch.setattr(database_clock, name, lambda: timezone.now())


@pytest.fixture(autouse=True)
def _no_thread_of_ours_runs_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test counts stays here. Claims that ran out are taken over at once (tests/users/test_liveness.py looks at PostgreSQL)."""
    from infra import liveness

    monkeypatch.setattr(liveness, "watch", lambda: None)
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)


@pytest.fixture(autouse=True)
def _refreshes_are_made_here(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever comes to a refresh makes it himself, as commands do: there is no refresh lane beside a test that does not start one."""
    from tokens.checks import services as refreshing

    if request.node.get_closest_marker("lane"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refreshing, "are_refreshes_made_here", lambda: True)
        patch.setattr(refreshing, "refresh_timeout", lambda left: left)
        patch.setattr(
            refreshing, "_wait_for_the_other", partial(_make_refresh, refreshing._wait_for_the_other)
        )
        yield


def _make_refresh(wait: Any, token_id: int, now: datetime, patience: Any) -> Any:
    """Make the refresh that somebody waits for, and then wait."""
    from tokens.checks import services as refreshing
    from tokens.models import Token

    wanted = Token.objects.refresh_wanted(now).filter(pk=token_id)
    if wanted.update(refresh_wanted_at=None, refresh_wanted={}):
        refreshing.probe_token(token_id, now=now, source="lease", renew=True)
    return wait(token_id, now, patience)


@pytest.fixture(autouse=True)
def _log_ins_cost_little(settings: Any) -> None:
    """Hash passwords cheaply: the slow hash is Django's, and is not what we test. Staff need no second factor but in its own tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """Share the list of static files: each test client builds a chain of middleware, and WhiteNoise's looks at 350 files for each."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    listed: dict[str, dict[str, Any]] = {}
    add_all = WhiteNoiseMiddleware.add_files_from_finders

    def add_listed(self: Any) -> None:
        root = str(self.static_root)
        if root not in listed:
            add_all(self)
            listed[root] = self.files
        self.files = dict(listed[root])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_listed)
        yield


@pytest.fixture(scope="session")
def channels_process() -> Iterator[Sandbox]:
    """One process of stand-in channels and mailbox for all tests of the application."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def at_now() -> Iterator[None]:
    """The clock goes on from NOW: a warning that is made says what is to come, and nothing of a date that has passed."""
    with time_machine.travel(NOW, tick=True):
        yield


@cache
def _addresses() -> list[tuple[str, str]]:
    """Return the settings that lead to a channel, with its name."""
    names = [name for name in dir(django.conf.settings) if name.endswith("_URL")]
    return [(name, one) for one in Sandbox.APPS for name in names if name.startswith(f"{one.upper()}_")]


@pytest.fixture
def channels_world(
    channels_process: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """The stand-in channels as on their first day, and the settings that lead to them."""
    # LinkedIn is asked again about a fresh token after seconds of pause; tests of the pause itself set their own.
    monkeypatch.setattr("tokens.channels.linkedin.channel.PAUSE", 0.01)
    channels_process.reset()
    for name, channel in _addresses():
        setattr(settings, name, getattr(channels_process, channel))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = channels_process.smtp_host, channels_process.smtp_port
    yield channels_process
    channels_process.clear_faults()


@pytest.fixture
def world(channels_world: Sandbox) -> Sandbox:
    """The stand-in channels, with our apps."""
    from tests.support import native

    native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture
def ada() -> "User":
    """A person, Ada."""
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def ben() -> "User":
    """A second person, Ben."""
    return make_user("ben@example.com", name="Ben Lindqvist")
