"""`python -m sandbox`: the stand-in channels, the mailbox and its mail server in one process, on loopback only."""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sandbox.app import build
from sandbox.calls import CallLog
from sandbox.faults import Faults
from sandbox.mailbox.smtp import SmtpRules, serve_smtp
from sandbox.mailbox.web import build_mailbox
from sandbox.store import Store, saving

HOST = "127.0.0.1"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the flags."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)

    for flag, default, text in (
        ("--port", 8100, "stand-in channels and control API"),
        ("--mail-port", 8025, "SMTP"),
        ("--mailbox-port", 8026, "pages and JSON of the mailbox"),
    ):
        parser.add_argument(flag, type=int, default=default, help=f"{text} (0: any free port)")
    parser.add_argument("--data", type=Path, default=None, help="state file; without it nothing is kept")
    parser.add_argument(
        "--redirect-base",
        action="append",
        default=[],
        metavar="URL",
        help="register URL/link/<channel>/callback/ with both apps; may be repeated",
    )
    return parser.parse_args(argv)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to `main`, because two of them share the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's delay off: 40 ms less for each call.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        raise SystemExit(f"cannot listen on {HOST}:{port}: {error.strerror}. Choose another port.") from None
    return listener


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    web, mailbox, smtp = (_listen(p) for p in (options.port, options.mailbox_port, options.mail_port))
    urls = [f"http://{HOST}:{s.getsockname()[1]}" for s in (web, mailbox)]
    store = Store(path=options.data, redirect_bases=options.redirect_base)
    faults, rules = Faults(), SmtpRules()
    app = build(store=store, log=CallLog(), faults=faults, smtp_rules=rules, mailbox_url=urls[1])
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(saving(store))
        await stack.enter_async_context(serve_smtp(store=store, rules=rules, listener=smtp))
        await stack.enter_async_context(_serving(build_mailbox(store=store), mailbox))
        await stack.enter_async_context(_serving(app, web))
        ready = {"sandbox": urls[0], "mailbox": urls[1], "smtp": f"{HOST}:{smtp.getsockname()[1]}"}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()
        faults.clear()
        rules.stopping.set()


def main() -> None:
    """Entry point."""
    asyncio.run(run(arguments()))


if __name__ == "__main__":
    main()
