"""A real IMAP server for tests, as far as a client needs that reads and empties one mailbox (RFC 9051 6: LOGIN, SELECT, UID SEARCH, FETCH,
STORE, EXPUNGE). It can hang, answer letter by letter, or say what no client expects."""

import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

USER, PASSWORD = "bounces", "a pass word"


class Mailbox:
    """The mails by their number, and how the server behaves. `answers` maps a command to what is said in place of the right answer."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.flags: dict[int, set[str]] = {}
        self.answers: dict[str, bytes] = {}
        self.hangs_at = ""  # a command
        self.dribbles = False
        self.cannot_give: set[int] = set()  # mails
        self.takes = 0.0  # seconds for each mail
        self.port = 0
        self.log_ins = 0

    def put(self, mail: str | bytes) -> int:
        """Deliver a mail. Returns its number."""
        raw = mail.encode() if isinstance(mail, str) else mail
        number = max(self.mails, default=0) + 1
        self.mails[number] = re.sub(rb"\r?\n", b"\r\n", raw)
        self.flags[number] = set()
        return number


class _Session(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.box: Mailbox = self.server.box
        self._say(b"* OK ready")
        while line := self.rfile.readline():
            tag, _, rest = line.decode("latin-1").strip().partition(" ")
            command = re.match(r"(UID )?(\w+)", rest.upper())
            name = command[0] if command else ""
            if name == self.box.hangs_at:
                time.sleep(3)
                return
            if name in self.box.answers:
                self._say(self.box.answers[name].replace(b"TAG", tag.encode()))
                continue
            if name == "LOGOUT":
                self._say(f"* BYE\r\n{tag} OK".encode())
                return
            self._say(*self._answer(name, rest), f"{tag} {self._state(name, rest)} done".encode())

    def _say(self, *lines: bytes) -> None:
        data = b"".join(line + b"\r\n" for line in lines)
        try:
            for piece in (data[at : at + 1] for at in range(len(data))) if self.box.dribbles else (data,):
                self.wfile.write(piece)
                self.wfile.flush()
                if self.box.dribbles:
                    time.sleep(0.05)
        except OSError:
            return

    def _state(self, name: str, rest: str) -> str:
        if name == "UID FETCH":
            return "NO" if int(rest.split()[2]) in self.box.cannot_give else "OK"
        if name != "LOGIN":
            return "OK"
        self.box.log_ins += 1
        return "OK" if rest == f'LOGIN {USER} "{PASSWORD}"' else "NO [AUTHENTICATIONFAILED]"

    def _answer(self, name: str, rest: str) -> list[bytes]:
        if name == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1"]
        if name == "SELECT":
            return [f"* {len(self.box.mails)} EXISTS".encode(), b"* OK [UIDVALIDITY 1]"]
        if name == "UID SEARCH":
            new = [number for number, flags in self.box.flags.items() if not flags]
            return [b"* SEARCH " + " ".join(map(str, new)).encode()]
        if name == "UID FETCH" and (found := re.match(r"UID FETCH (\d+) \(BODY.PEEK\[\]<0\.(\d+)>\)", rest)):
            number, most = int(found[1]), int(found[2])
            time.sleep(self.box.takes)
            if number in self.box.cannot_give:
                return []
            raw = self.box.mails[number][:most]
            head = f"* {number} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}".encode()
            return [head + b"\r\n" + raw + b")"]
        if name == "UID STORE" and (found := re.match(r"UID STORE (\d+) \+FLAGS.SILENT \((.*)\)", rest)):
            self.box.flags[int(found[1])] |= set(found[2].split())
        if name == "EXPUNGE":
            gone = [number for number, flags in self.box.flags.items() if r"\Deleted" in flags]
            for number in gone:
                del self.box.mails[number], self.box.flags[number]
            return [f"* {number} EXPUNGE".encode() for number in gone]
        return []


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.box = box = Mailbox()  # type: ignore[attr-defined]
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield box
        server.shutdown()
