"""A system that webhooks are sent to."""

import json
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver:
    """A server that keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []  # the last one again and again
        self.chance = 0.0  # of a refusal, where no answers are set
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answered: list[tuple[str, int]] = []  # webhook ids and statuses
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                answers = receiver.answers
                status, headers = 503 if random.random() < receiver.chance else 200, dict[str, str]()
                if answers:
                    status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
                receiver.answered.append((receiver.got[-1][0].get("webhook-id", ""), status))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]
