"""A pytest plugin: a real PostgreSQL and Valkey for the test session, and the environment that settings read.

It is loaded by `-p tests.support.servers` (pyproject.toml), and starts the servers before pytest-django reads the
settings. DATABASE_URL or REDIS_URL from outside are used instead of our own servers; such a Redis must be empty,
because tests empty it. Parallel workers share the servers: each has its own database in both.
"""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from cryptography.fernet import Fernet

from devtools.embedded.parent_death import tie
from devtools.embedded.postgres import Postgres
from devtools.embedded.valkey import Valkey
from sandbox.start import APPS
from tests.support import migrated

PREFIX = "adtoken-tests-"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1 ... in a parallel worker
PROCESSES_OF_MANY_TESTS = {"max_connections": "200"}
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# What a test writes is mostly never committed, so that autovacuum finds tables of pages without a row. The planner then takes every table
# for empty, and a question about 300 accounts compares each with each, for minutes.
KNOWS_NO_STATISTICS = {"autovacuum": "off"}
# What a developer's shell or a CI service may hold, and a test must not depend on.
FOREIGN = (
    "DEMO", "DEBUG", "ALLOWED_HOSTS", "SECRET_KEY_FALLBACKS", "OPERATOR_EMAILS", "SANDBOX_URL", "STAFF_SECOND_FACTOR",
    "OIDC_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ONLY", "OIDC_NEW_PEOPLE", "OIDC_GROUPS",
    "TRUSTED_PROXIES", "DEFAULT_FROM_EMAIL", "MACROS_HOUR", "TIME_ZONE", "DATABASE_POOL",
    "DATABASE_APP_ROLE", "HISTORY_DAYS", "RECORDS_DAYS", "WEB_THREADS", "SECRET_KEY_FILE", "FERNET_KEYS_LOST",
    "FERNET_KEYS_FILE", "DATABASE_URL_FILE", "REDIS_URL_FILE", "EMAIL_URL_FILE", "BASE_URL_FILE", migrated.NAME,
)  # fmt: skip
# On a disk each of the thousand files of a database costs the kernel a millisecond of processor time, and each restart a second.
MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30  # bytes that must be free there, and twice as many of the machine's memory
OF_A_CHANNEL = tuple(f"{channel.upper()}_" for channel in APPS)  # FACEBOOK_URL, FACEBOOK_VERSION


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, args: Sequence[str]
) -> Generator[None, object, object]:
    """Prepare the environment before every other plugin's turn (a wrapper runs first)."""
    asks_only = {"--help", "-h", "--version", "-V", "--markers", "--fixtures"} & set(args)
    if WORKER:
        tie(signal.SIGKILL, parent=os.getppid())  # a killed test run leaves no worker in the middle of a test
        _take_own_redis_database()
    elif not asks_only:
        early_config.add_cleanup(prepare().close)
    return (yield)


def prepare() -> ExitStack:
    """Start what the environment does not name, and set the variables that settings need. Closing it stops all."""
    for name in [name for name in os.environ if name in FOREIGN or name.startswith(OF_A_CHANNEL)]:
        del os.environ[name]
    os.environ |= {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FERNET_KEYS": Fernet.generate_key().decode(),
        "BASE_URL": "http://testserver",
        "EMAIL_URL": "smtp://127.0.0.1:1",
    }
    stack = ExitStack()
    try:
        _start_servers(stack)
    except BaseException:
        stack.close()
        raise
    return stack


def _start_servers(stack: ExitStack) -> None:
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_in_memory()))
    folder.chmod(0o711)  # nobody, who may have to run PostgreSQL, passes through; its content is private
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if folder.parent == MEMORY:
        stack.enter_context(_temporary_files_in(folder / "tmp"))
    if "DATABASE_URL" not in os.environ:
        options = UNSAFE_BUT_FAST | PROCESSES_OF_MANY_TESTS | KNOWS_NO_STATISTICS
        postgres = Postgres(folder / "postgres", log=folder / "postgres.log", options=options)
        _run(stack, postgres.start, postgres.stop)
        os.environ |= {"DATABASE_URL": postgres.url, migrated.NAME: "migrated"}
    if "REDIS_URL" not in os.environ:
        valkey = Valkey(folder / "valkey", log=folder / "valkey.log", persistent=False)
        _run(stack, valkey.start, valkey.stop)
        os.environ["REDIS_URL"] = valkey.url
    elif redis.Redis.from_url(os.environ["REDIS_URL"]).dbsize():
        raise pytest.UsageError(
            "REDIS_URL names a database with data in it, and tests empty theirs. Unset REDIS_URL."
        )


def _run(stack: ExitStack, start: Callable[[], None], stop: Callable[[], None]) -> None:
    stack.callback(stop)
    start()


def _in_memory() -> Path | None:
    """Return the folder whose files are in memory; None where there is none, or too little room, or somebody chose a folder by TMPDIR."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:  # PostgreSQL is copied and run from there by a test
        return None
    return MEMORY if _memory() >= 2 * ROOM and shutil.disk_usage(MEMORY).free >= ROOM else None


def _memory() -> int:
    """Return how many bytes of memory this machine, or the container that we are in, has left."""
    known = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    left = int(known["MemAvailable"].split()[0]) * 1024
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        left = min(left, int(most) - int(used.read_text(encoding="ascii")))
    return left


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have this process and all that it starts make their temporary files in a folder: those of tests, of browsers, of other servers."""
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None


def remove_leftovers() -> None:
    """Remove folders of test sessions that were killed; their servers died with them."""
    for parent in {MEMORY, Path(tempfile.gettempdir())}:
        for folder in parent.glob(f"{PREFIX}*"):
            number = folder.name.removeprefix(PREFIX).split("-")[0]
            if not Path(f"/proc/{number}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _take_own_redis_database() -> None:
    base, _, first = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{base}/{int(first or 0) + int(WORKER.removeprefix('gw')) + 1}"
