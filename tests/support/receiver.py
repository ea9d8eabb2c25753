"""A system that webhooks are sent to."""

import json
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class Receiver:
    """A server that keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []  # the last one again and again
        self.drips = 0.0  # seconds before each byte of an answer
        self.hangs: Event | None = None  # answers only once this is set
        self.body = b"ok"
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                answers = receiver.answers
                status, headers = 200, dict[str, str]()
                if answers:
                    status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
                if receiver.hangs is not None:
                    receiver.hangs.wait(60)
                if receiver.drips:
                    self.drip(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                with suppress(OSError):  # whoever asked has read enough
                    self.wfile.write(receiver.body)

            def drip(self, answer: bytes) -> None:
                with suppress(OSError):  # whoever asked has gone
                    for byte in answer:
                        time.sleep(receiver.drips)
                        self.wfile.write(bytes([byte]))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]
