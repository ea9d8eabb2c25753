"""What a snapshot writes down of each page and mail (see tests/tools/snapshot.py), with what is random named instead."""

import json
import re
import zoneinfo
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import translation

from tests.support.sandbox import Sandbox
from tests.tools import visible
from tests.tools.pseudo import DATA
from ui import phrases

# Columns that hold names and codes of the world, no sentences.
NAMES = {
    "name", "email", "recipient", "label", "client_id", "prefix", "currency", "time_zone", "timezone", "native_id", "native_name",
    "native_user_id", "native_user_name", "channel", "note", "code", "version", "role", "call", "offered",
}  # fmt: skip
# On every page, and written down once, from the start page.
FRAME = frozenset({"nav-sidebar", "aside"})
RANDOM = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"adt_[0-9A-Za-z_-]{8,}", "KEY"),
    (r"(?<![\w-])[A-Za-z0-9+/=_.-]*:[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}", "SIGNED"),
    (r"(?<![\w-])\w+:[A-Za-z0-9_-]{43}(?![\w-])", "SIGNED"),
    (r"SBXTOKEN[\w-]*", "TOKEN"),
    (r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![0-9A-Za-z])", "HEX"),
    (r"LNK-[0-9A-F]{6}", "LNK-CODE"),
    (r'("user_id": )"\d+"', r'\1"NUMBER"'),
    (r"has waited for \d+ minutes", "has waited for N minutes"),
    (r"(state|oauth_token|code_challenge|nonce)=[^&\s]+", r"\1=RANDOM"),
    (r'("(?:lease_id|access_token|oauth_token|signature|Authorization|authorization|request_id)": )"[^"]*"', r'\1"RANDOM"'),
    (r"\b(?:mail|checks|pushes|refreshes|web|beat)-\d+@\S+", "PROCESS"),
)  # fmt: skip


class Snapshot:
    """Where it is written to, and what is known of random words."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.words: list[tuple[str, str]] = []  # random, and what is written instead
        self._queries: list[str] = []
        self._names: Counter[str] = Counter()

    def page(
        self,
        client: Client,
        path: str,
        name: str,
        *,
        posted: dict[str, Any] | None = None,
        follow: bool = False,
    ) -> str:
        """Visit a page and write down what is read there. Return its HTML."""
        with _counted() as queries:
            answer: Any = (
                client.get(path, follow=follow)
                if posted is None
                else client.post(path, posted, follow=follow)
            )
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        body = bytes(content).decode(errors="replace")
        kind = answer.get("Content-Type", "").partition(";")[0]
        if posted is not None and answer.status_code >= 500:
            return body  # it asks a channel, which is never done inside a transaction
        head = [f"{answer.status_code} {kind}", *(f"to {to}" for to in [answer.get("Location")] if to)]
        if kind == "text/html" and not answer.get("Location"):
            without = FRAME if path not in {"/", "/admin/"} else frozenset[str]()
            self.write(name, head, visible.text(body, without=without))
        elif kind.endswith("json"):
            self.write(name, head, json.dumps(json.loads(body), indent=1, ensure_ascii=False))
        elif kind not in {"application/javascript", "text/javascript", "text/css"}:
            self.write(name, head, body)
        self._queries.append(f"{self.plain(_named(name))}  {len(queries)}")
        return body

    def write(self, name: str, head: Iterable[str], text: str) -> None:
        """Write one file; a name that is there already gets a number."""
        name = name.rstrip("/")
        name = _named(name)
        self._names[name] += 1
        number = f"~{self._names[name]}" if self._names[name] > 1 else ""
        file = self.folder / f"{re.sub(r'[^-.#@/0-9A-Za-z_]+', '_', name)}{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.plain("\n".join([*head, "", text, ""])), encoding="utf-8")

    def write_queries(self, scene: str) -> None:
        """Write how often each page asked the database."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join([*self._queries, ""])
        (self.folder / f"queries-{scene}.txt").write_text(text, encoding="utf-8")
        self._queries = []

    def write_data_words(self) -> None:
        """Write the words that come from the world's own rows, for tests/tools/pseudo.py."""
        file = self.folder / f"{DATA}.txt"
        known = set(file.read_text(encoding="utf-8").split()) if file.exists() else set()
        file.write_text("\n".join(sorted(known | data_words())), encoding="utf-8")

    def write_mails(self, scene: str) -> None:
        """Write what everybody was mailed, by reader."""
        mails = [self._mail(one) for one in self.sandbox.mails()]
        for number, (reader, text) in enumerate(sorted(mails)):
            self.write(f"{scene}/mails/{number:03} {reader}", [], text)

    def _mail(self, mail: dict[str, Any]) -> tuple[str, str]:
        parts = [mail["subject"], mail["text"], "---- HTML", visible.text(mail["html"] or "")]
        return ",".join(mail["to"]), self.plain("\n".join(parts))

    def plain(self, text: str) -> str:
        """Return the text with what is random named instead."""
        for word, name in self.words:
            text = text.replace(word, name)
        for pattern, name in RANDOM:
            text = re.sub(pattern, name, text)
        return text


def data_words() -> set[str]:
    """Return the words of names and codes in the world's own rows, in lower case: what may be read on a page in no language."""
    known: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.name in NAMES:
                for value in model._default_manager.values_list(field.name, flat=True).distinct():
                    known |= set(re.findall(r"[^\W\d_]{2,}", str(value).casefold()))
    zones = " ".join(zoneinfo.available_timezones())
    return known | set(re.findall(r"[^\W\d_]{2,}", zones.casefold()))


def _named(name: str) -> str:
    """Return the name of a page without what its groups match: apps are listed in the order in which they register."""
    return re.sub(r"\^?\(\?P<(\w+)>[^)]*\)", r"<\1>", name)


@contextmanager
def in_brackets() -> Iterator[None]:
    """Give every message back as ⟦message⟧, whoever asks for it."""
    translation.gettext("")  # it chooses its functions at the first call
    phrases.forget()  # what was said in English
    with pytest.MonkeyPatch.context() as patch:
        functions: Any = translation._trans  # type: ignore[attr-defined]  # what all of gettext goes through
        patch.setattr(functions, "gettext", lambda message: f"⟦{message}⟧")
        patch.setattr(functions, "pgettext", lambda _context, message: f"⟦{message}⟧")
        patch.setattr(functions, "ngettext", lambda one, many, number: f"⟦{one if number == 1 else many}⟧")
        patch.setattr(
            functions, "npgettext", lambda _, one, many, number: f"⟦{one if number == 1 else many}⟧"
        )
        try:
            yield
        finally:
            phrases.forget()


@contextmanager
def _counted() -> Iterator[list[str]]:
    queries: list[str] = []

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        queries.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield queries
