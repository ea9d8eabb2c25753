"""German is spoken on every page and in every mail: what a German reads came by a catalogue, and numbers and dates are German.

The agency of the photographs (tests/e2e/fleet.py) is written while English is spoken, and then read in German with marks
(tests/tools/marked.py). tests/project/test_german.py holds the catalogue; this finds what no catalogue has, and what rows keep in English.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_django
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import translation

from notifications.models import Message
from portal.templatetags.portal import ICONS
from tests.e2e import fleet
from tests.e2e.pages import BOSS, GROUPS, NOBODY, Shot
from tests.support.factories import PASSWORD
from tests.tools import marked, visible
from users.models import User

pytestmark = pytest.mark.django_db

# English by intent: for developers; what Django says of permissions, whose names are rows; and a page that the photographs make up.
ENGLISH = {"admin-group", "admin-group-add", "admin-group-delete", "too-late-at-channel"}
WORDS = frozenset({"facebook", "snapchat", "linkedin", "pinterest", "tiktok", "myspace", "name", "xlsx"})
CODE = frozenset({"code", "pre"})
UNESCAPED = fleet.RAW[fleet.RAW.index("<") :]  # of the names, all of which end with markup
# Beside the photographs: what a script of a page asks for.
MORE = [Shot("search", BOSS, "/admin/search/?s=Lena")]
# A link or a button that has nothing but an icon, whose name the script gives it.
ICON_ALONE = re.compile(
    r"<(a|button)\b([^>]*)>\s*<(?:span|i)[^>]*material-symbols[^>]*>\s*(\w+)\s*</(?:span|i)>\s*</\1>"
)


@dataclass
class Read:
    """What was read, as names of pages by text."""

    left: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    wrong: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    broken: list[str] = field(default_factory=list)
    pages: int = 0
    pressed: set[tuple[str, str]] = field(default_factory=set)
    icons: set[str] = field(default_factory=set)
    mails: set[str] = field(default_factory=set)

    def note(self, reader: marked.Reader, name: str, text: str) -> None:
        dated = re.sub(
            r"Black\W+Friday", " ", text
        )  # of the name of a campaign, wherever a mail breaks or cuts it
        for found, of in ((self.left, reader.left_of(text)), (self.wrong, reader.wrong_of(dated))):
            for one in of:
                found[one].add(name)


@pytest.fixture(scope="module")
def read(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Read:
    """Everything, read once; nothing of it stays."""
    with (
        django_db_blocker.unblock(),
        transaction.atomic(),
        marked.german(),
        override_settings(
            STAFF_SECOND_FACTOR=False,
            PASSWORD_HASHERS=[
                "django.contrib.auth.hashers.MD5PasswordHasher"
            ],  # as in each test, see conftest
        ),
    ):
        with translation.override("en-gb"):
            facts = fleet.build(one_word=True)
        with connection.cursor() as cursor:
            # Previews limit their statements until their transaction ends, which here is the one of all pages.
            cursor.execute("set local statement_timeout = 0")
        User.objects.update(language="de")
        with translation.override("de"):
            found = _read(facts)
        transaction.set_rollback(True)
    return found


def _read(facts: dict[str, Any]) -> Read:
    read, reader = Read(), marked.Reader(marked.data(), WORDS)
    for shot in [*(shot for shots in GROUPS.values() for shot in shots), *MORE]:
        if shot.name not in ENGLISH:
            _visit(read, reader, shot, facts)
    for kind, made in facts["mails"].items():
        mail = Message.objects.get(pk=made["de"])
        read.mails.add(kind)
        text = mail.text.replace("\n", " ")  # a name may go over the end of a line
        read.note(reader, f"mail {kind}", "\n".join([mail.subject, text, _words_of(mail.html)]))
    return read


def _words_of(html: str) -> str:
    """Return what is read of a page. Between its parts stands a space, so that a name ends where its element ends."""
    return visible.text(html.replace("<", " <"), without=CODE)


def _visit(read: Read, reader: marked.Reader, shot: Shot, facts: dict[str, Any]) -> None:
    path = shot.path.replace("LANG", "de").format_map(facts)
    if path.startswith("/made/"):
        read.note(reader, shot.name, _words_of(facts["made"][path.rpartition("/")[2]]["de"]))
        return
    client = Client(raise_request_exception=False, headers={"accept-language": "de"})
    if shot.who != NOBODY:
        client.cookies[facts["cookie"]] = facts["sessions"][shot.who]
    with transaction.atomic():
        answer: Any = client.get(path, follow=True)
        if shot.then == "confirm" and "/reauthenticate/" in answer.request["PATH_INFO"]:
            asked = f"{answer.request['PATH_INFO']}?{answer.request['QUERY_STRING']}"
            answer = client.post(asked, {"password": PASSWORD}, follow=True)
        if answer.status_code != shot.status:
            read.broken.append(f"{shot.name}: {path} answers {answer.status_code}")
        _look(read, reader, client, shot.name, answer)
        transaction.set_rollback(True)


def _look(read: Read, reader: marked.Reader, client: Client, name: str, answer: Any) -> None:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = body.decode()
    read.pages += 1
    if "html" not in answer["Content-Type"]:
        said = (
            _values(json.loads(text)) if "json" in answer["Content-Type"] else text.partition("\n")[0]
        )  # columns
        read.note(reader, name, said)
        return
    if UNESCAPED in text:
        read.broken.append(f"{name}: a name is not escaped")
    read.note(reader, name, _words_of(text))
    read.icons |= {
        icon for _, about, icon in ICON_ALONE.findall(text) if not re.search("title=|aria-label=", about)
    }
    path = answer.request["PATH_INFO"]
    for form in visible.forms(text):
        to = urlsplit(form.action).path or path
        kind = (re.sub(r"\d+", "1", to), name.partition("-")[0])
        if kind not in read.pressed:
            read.pressed.add(kind)
            _press(read, reader, client, to, form, name)


def _values(found: Any) -> str:
    """Return the texts of a JSON answer, line by line."""
    if isinstance(found, dict):
        return _values(list(found.values()))
    return "\n".join(map(_values, found)) if isinstance(found, list) else str(found)


def _press(
    read: Read, reader: marked.Reader, client: Client, path: str, form: visible.Form, name: str
) -> None:
    """Send a form as it stands there: it is answered by errors, or by a message on the page that follows."""
    with transaction.atomic():
        answer: Any = client.post(path, form.fields)
        transaction.set_rollback(True)
    if answer.status_code >= 500:  # it asks a channel, which is never done inside a transaction
        return
    said = [_words_of(str(one)) for one in getattr(answer.wsgi_request, "_messages", ())]
    if "html" in answer.get("Content-Type", "") and not answer.get("Location"):
        said.append(_words_of(answer.content.decode()))
    read.note(reader, f"{name} pressed", "\n".join(said))


def test_every_word_came_by_a_german_catalogue(read: Read) -> None:
    assert {text: sorted(names)[:3] for text, names in sorted(read.left.items())} == {}


def test_numbers_and_dates_are_german(read: Read) -> None:
    assert {text: sorted(names)[:3] for text, names in sorted(read.wrong.items())} == {}


def test_an_icon_that_stands_alone_has_a_name_in_the_reader_s_language(read: Read) -> None:
    assert read.icons - ICONS.keys() == set()


def test_the_walk_is_whole(read: Read) -> None:
    assert read.broken == []
    assert read.pages > 120
    assert len(read.pressed) > 50
    assert len(read.mails) > 15
