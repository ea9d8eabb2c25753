"""`python -m devtools.launcher`: everything AdToken needs, on one machine, in one terminal (`make run`).

Starts PostgreSQL, Valkey, the sandbox channels, the web server and the worker, and stops them again.
Variables: WEB_PORT (8000), SANDBOX_PORT (8100), VAR (var), DEMO_FILL (1: show ad accounts at the first look),
DATABASE_URL and REDIS_URL (own servers instead of the embedded ones). For a demo and for development; docs say how to
run it in production.
"""

import json
import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from cryptography.fernet import Fernet

from adtoken_project.workers import lanes
from devtools.embedded.postgres import Postgres
from devtools.embedded.processes import (
    LOOPBACK,
    Child,
    StartError,
    free_port,
    port_is_free,
    wait_until,
    write_private,
)
from devtools.embedded.supervisor import Supervisor, take_lock
from devtools.embedded.valkey import Valkey
from tokens.channels import declarations

PROJECT = Path(__file__).resolve().parent.parent
ADVICE = "Mend what it says, then start again. Deleting the data folder begins from nothing."
SANDBOX_SECONDS = 30
COMMAND_SECONDS = 300
READY_SECONDS = 90


class _Stop(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. Not an Exception, so that nothing on the way swallows it."""


@dataclass(frozen=True)
class Options:
    """What the environment asks for."""

    web_port: int
    sandbox_port: int
    var: Path
    database_url: str  # empty: start our own PostgreSQL
    redis_url: str  # empty: start our own Valkey
    fill: bool = True  # show ad accounts at the first look

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Options":
        """Read and check the variables. Raises StartError naming the one that is wrong."""
        return cls(
            web_port=_port(environ, "WEB_PORT", 8000),
            sandbox_port=_port(environ, "SANDBOX_PORT", 8100),
            var=Path(environ.get("VAR") or PROJECT / "var").resolve(),
            database_url=environ.get("DATABASE_URL", ""),
            redis_url=environ.get("REDIS_URL", ""),
            fill=environ.get("DEMO_FILL", "1") != "0",
        )


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return a free port from the variable; 0 asks for any."""
    text = environ.get(name) or str(default)
    if not text.isdigit() or int(text) > 65535:
        raise StartError(f"{name} must be a port number, not {text!r}.")
    port = int(text) or free_port()
    if not port_is_free(port):
        raise StartError(
            f"Port {port} is busy. Stop what listens there, or choose another one: {name}={port + 1} make run"
        )
    return port


def channel_addresses(sandbox: str) -> dict[str, str]:
    """Return the settings that lead all channels to the sandbox."""
    return {f"{channel.upper()}_URL": f"{sandbox}/{channel}" for channel in declarations.channel_keys()}


@dataclass
class Launcher:
    """One run. `start` brings everything up, `watch` sees that it stays up, `stop` takes it down."""

    options: Options
    began: float = field(default_factory=time.monotonic)
    supervisor: Supervisor = field(default_factory=Supervisor)
    env: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start all in order and wait until the web server says it is ready."""
        web = f"http://{LOOPBACK}:{self.options.web_port}"
        self.env = {
            **os.environ,
            **demo_keys(self.options.var / "demo.env"),
            "DEMO": "1",
            # A demo log-in should take a minute; STAFF_SECOND_FACTOR=1 shows how it is in earnest.
            "STAFF_SECOND_FACTOR": os.environ.get("STAFF_SECOND_FACTOR", "0"),
            "BASE_URL": web,
            "ADTOKEN_RUN": str(self.options.var),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
        }
        self.facts = {"web": web}
        sandbox = self._begin_sandbox()
        self._start_servers()
        self._await_sandbox(sandbox)
        self._start(self._python("web", "-m", "gunicorn", *self._gunicorn(), orphan_signal=signal.SIGQUIT))
        self._prepare_data()
        self._start(self._worker())
        self._await_ready(f"{web}/readyz")
        write_private(self.options.var / "run.json", json.dumps(self.facts, indent=2) + "\n")

    def watch(self) -> None:
        """Wait until a signal comes. Raises StartError when a process died."""
        while True:
            time.sleep(0.3)
            self.supervisor.require_running()

    def stop(self) -> None:
        """Stop all in reverse order."""
        (self.options.var / "run.json").unlink(missing_ok=True)
        self.supervisor.stop_all()

    def _start_servers(self) -> None:
        var, log = self.options.var, self.options.var / "log"
        database_url, redis_url = self.options.database_url, self.options.redis_url
        if not database_url:
            postgres = Postgres(var / "postgres", log=log / "postgres.log", watcher=self._keep_server)
            postgres.start()
            database_url = postgres.url
        if not redis_url:
            valkey = Valkey(var / "valkey", log=log / "valkey.log", watcher=self._keep_server)
            valkey.start()
            redis_url = valkey.url
        self.env |= {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        self.facts |= {"database_url": database_url, "redis_url": redis_url}

    def _begin_sandbox(self) -> Child:
        """Start the stand-in channels, while other servers start."""
        ports = {
            "--port": self.options.sandbox_port,
            "--mail-port": free_port(),
            "--mailbox-port": free_port(),
        }
        flags = [part for flag, port in ports.items() for part in (flag, str(port))]
        data = ["--data", str(self.options.var / "sandbox.json"), "--redirect-base", self.facts["web"]]
        sandbox = self._python("sandbox", "-m", "sandbox", *flags, *data)
        self.supervisor.add(sandbox, serves=True)
        sandbox.start()
        return sandbox

    def _await_sandbox(self, sandbox: Child) -> None:
        wait_until(
            lambda: not sandbox.is_running() or bool(last_json(sandbox.output())), seconds=SANDBOX_SECONDS
        )
        self.supervisor.require_running()
        places = last_json(sandbox.output())
        if not places:
            raise StartError(
                f"The sandbox did not say its addresses. Its last lines:\n{sandbox.last_lines()}"
            )
        self.facts |= {name: places[name] for name in ("sandbox", "mailbox", "smtp")}
        self.env |= {
            "SANDBOX_URL": places["sandbox"],
            **channel_addresses(places["sandbox"]),
            "EMAIL_URL": f"smtp://{places['smtp']}",
        }

    def _prepare_data(self) -> None:
        """Bring the tables up to date and make the demo's data: the first time also two dozen ad accounts, with a past."""
        kept, filled = self.options.var / "api-key", self.options.var / "filled"
        known = (
            kept.read_text(encoding="utf-8").strip() if kept.exists() else ""
        )  # the database has only its hash
        fills = self.options.fill and not filled.exists()
        if fills:
            say("Making the demo's data (the first time only) ...")
        more = ["--fill", self.facts["sandbox"]] if fills else []
        command = [str(PROJECT / "manage.py"), "demo", "--migrate", *more]
        demo = self._python("demo", *command, extra={"DEMO_API_KEY": known})
        said = last_json(self.supervisor.run_once(demo, seconds=COMMAND_SECONDS, advice=ADVICE))
        self.facts |= {"api_key": said.get("api_key", ""), "logins": said.get("logins", [])}
        write_private(kept, f"{self.facts['api_key']}\n")
        demo.log.write_text("", encoding="utf-8")  # it holds the key
        if fills:
            filled.touch()

    def _start(self, child: Child) -> None:
        self.supervisor.add(child, serves=False)
        child.start()

    def _worker(self) -> Child:
        return self._python(
            "worker",
            *lanes.command()[1:],
            stops=((signal.SIGTERM, 10),),
            orphan_signal=signal.SIGKILL,  # SIGTERM would wait for what it has begun
        )

    def _gunicorn(self) -> list[str]:
        bind = f"--bind={LOOPBACK}:{self.options.web_port}"
        flags = ["--workers=2", "--graceful-timeout=3"]
        return ["-c", str(PROJECT / "deploy" / "gunicorn.conf.py"), bind, *flags]

    def _python(
        self, name: str, *arguments: str, extra: Mapping[str, str] | None = None, **how: Any
    ) -> Child:
        return Child(
            name=name,
            command=[sys.executable, *arguments],
            log=self.options.var / "log" / f"{name}.log",
            env={**self.env, **(extra or {})},
            cwd=PROJECT,
            **how,
        )

    def _keep_server(self, child: Child) -> None:
        self.supervisor.add(child, serves=True)

    def _await_ready(self, address: str) -> None:
        answers: list[str] = []

        def is_ready() -> bool:
            self.supervisor.require_running()
            status, text = fetch(address)
            answers.append(text)
            return status == 200

        if not wait_until(is_ready, seconds=READY_SECONDS, every=0.15):
            log = self.options.var / "log"
            raise StartError(f"{address} does not answer 'ready' but:\n    {answers[-1]}\nLook into {log}.")

    def describe(self) -> str:
        """Return what the person at the terminal wants to know now."""
        facts, seconds = self.facts, time.monotonic() - self.began
        lines = [
            f"AdToken is ready after {seconds:.1f} s.",
            "",
            f"  AdToken         {facts['web']}",
            f"  Admin portal    {facts['web']}/admin/",
            f"  Mailbox         {facts['mailbox']}   (every mail that AdToken sends)",
            f"  Sandbox         {facts['sandbox']}   (stands in for all channels)",
            "",
        ]
        lines += [
            f"  {one['role']:<15} {one['email']}   password {one['password']}" for one in facts["logins"]
        ]
        lines += ["", f"Data and logs: {self.options.var}. Stop with Ctrl-C."]
        return "\n".join(lines)


def say(text: str) -> None:
    """Show a line to the person at the terminal, who may have closed it."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        pass


def fetch(address: str) -> tuple[int, str]:
    """Return status and the start of the body of a loopback page; 0 when nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own http address
            return answer.status, answer.read(500).decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(500).decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def last_json(output: str) -> dict[str, Any]:
    """Return the last line that is a whole JSON object, or an empty one."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else {}
    return {}


def demo_keys(path: Path) -> dict[str, str]:
    """Return SECRET_KEY and FERNET_KEYS: from the environment, else made once and kept in a private file."""
    if not path.exists():
        made = {"SECRET_KEY": secrets.token_urlsafe(50), "FERNET_KEYS": Fernet.generate_key().decode()}
        write_private(path, "".join(f"{name}={value}\n" for name, value in made.items()))
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: os.environ.get(name) or value for name, value in kept.items()}


def _stop(_number: int, _frame: FrameType | None) -> None:
    _ignore_signals()  # stopping is under way and has an end of its own
    raise _Stop


def _catch_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means: go on without a terminal
        signal.signal(signal.SIGHUP, _stop)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    """Run until stopped. Returns the exit status: 0 after a wanted stop, 1 after an error."""
    _catch_signals()
    os.umask(0o077)  # whatever we and our children write is for our eyes only
    try:
        var = Path(os.environ.get("VAR") or PROJECT / "var").resolve()
        lock = take_lock(var)
    except StartError as error:
        say(f"\n{error}")
        return 1
    with lock:
        (var / "run.json").unlink(missing_ok=True)
        return _run()


def _run() -> int:
    launcher: Launcher | None = None
    try:
        launcher = Launcher(Options.read(os.environ))
        say("AdToken is starting ...")
        launcher.start()
        say("\n" + launcher.describe())
        launcher.watch()
    except _Stop:
        say("\nStopping ...")
        return 0
    except StartError as error:
        say(f"\n{error}")
        return 1
    finally:
        _ignore_signals()
        if launcher is not None:
            launcher.stop()
            say("AdToken has stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
