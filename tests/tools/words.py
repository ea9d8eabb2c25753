"""Words for people that are outside the catalogues, and what the catalogue has to hold. Nothing here starts Django.

`python -m tests.tools.words` prints them line by line.
"""

import ast
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from ui.phrases import as_django

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "accounts", "adtoken_project", "broker", "infra", "macros", "notifications", "portal", "selfservice", "tokens", "ui", "users",
)  # fmt: skip
# What is read on a console, in metrics or in the description of the API is English and for developers and operators.
CONSOLE = re.compile(
    r"/management/|/checks\.py|/metrics\.py|/traces\.py|/embedded/|/demo_fleet/|broker/\w+/(codes|schemas|texts)\.py|/verdicts\.py|tokens/vault/"
    r"|adtoken_project/(env|settings|doctor|setup/safe_start|setup/grants|celery|apps)\.py|adtoken_project/api/(description|examples)\.py"
    r"|adtoken_project/ops/(health|pruning)\.py|adtoken_project/workers/(lanes|schedules)\.py"
    r"|accounts/pushes/(views|errors)\.py|tokens/channels/(\w+/)?(paths|parameters)\.py|broker/gate/(placed|decisions)\.py"
    r"|schedules?\.py|tasks\.py|classifier\.py|append_only|/(\w+_)?sql\.py"
    r"|tokens/channels/(declarations|registry)\.py"  # what is wrong with a channel's package is for its developer
    r"|tokens/channels/\w+/declaration\.py|broker/gate/minting\.py"  # lines of Python, headers
)
GETTEXT = {
    "_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2, "pgettext": 2, "pgettext_lazy": 2,
    "npgettext": 3, "npgettext_lazy": 3,
}  # fmt: skip
CONTEXT = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}  # their first argument is a context
# Errors that tell a developer or an operator; what is raised to be shown to people is one of our own errors.
TECHNICAL = {
    "AssertionError", "AttributeError", "CommandError", "DoesNotExist", "ImproperlyConfigured", "KeyError", "LookupError",
    "NotImplementedError", "OSError", "RuntimeError", "StartError", "SystemExit", "TransactionManagementError", "TypeError", "ValueError",
}  # fmt: skip
SHOWN = {"canonical_id", "inspect_pasted"}  # functions whose ValueError reaches staff
# What these are given is kept as evidence beside a channel's answer, answers a machine, or is printed by `manage.py check`.
EVIDENCE = {
    "Answer",
    "CheckWarning",
    "ConsentRefused",
    "malformed",
    "NotOurs",
    "_NoAnswer",
    "NoAnswer",
    "_not_asked",
    "PushRefused",
    "UnreadablePush",
    "_too_long",
    "HttpResponse",
}
# What may be outside, by file and the words that it begins with: why.
EXCEPTIONS = {
    (
        "tokens/channels/facebook/pushes.py",
        "data deletion callback",
    ): "evidence: names the push in a log and beside an answer",
    (
        "tokens/channels/gate.py",
        "the request could not be sent",
    ): "evidence: the body of an answer that stands for no call",
    (
        "tokens/channels/linkedin/channel.py",
        "refused, but new",
    ): "evidence: how a check's row is told from LinkedIn's own",
    (
        "users/login/second_factor.py",
        "STAFF_SECOND_FACTOR=0 turns off",
    ): "for operators, on the console: `manage.py check` and the start",
}
LOGS = {"logger", "logging", "log", "warnings", "stdout", "stderr", "sys", "re"}
FOR_TOOLS = {
    "help",
    "summary",
    "description",
    "documentation",
}  # keywords of argparse, the API's description, Prometheus
SQL = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|JOIN|select|set local|insert into|update \w+ set|where|order by|create table|alter table)\b"
    r"|\bis (not null|distinct from)\b|%\(\w+\)s|\bcoalesce\("
)
ICON_FONT = "material-symbols-outlined"  # the theme's
FOR_BROWSERS = re.compile(
    r"-src '|charset=|filename=|max-age=|=\(\)|:root|@media"
)  # headers of HTTP and style sheets
READ = {"aria-label", "title", "placeholder", "alt", "data-label", "aria-description"}
KNOWN = re.compile(r"AdToken|[\w.+-]+@[\w.-]+|https?://\S*|&\w+;")


class Found(NamedTuple):
    """Words outside the catalogues."""

    line: int
    text: str


def python_files() -> Iterator[Path]:
    """The modules of the product, without migrations and what is read on a console."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = f"/{path.relative_to(ROOT).as_posix()}"
            if "/migrations/" not in name and "/node_modules/" not in name:
                yield path


def templates() -> Iterator[Path]:
    """All templates of the product, words.txt of the channels' packages among them."""
    for top in ("templates", *APPS):
        for ending in ("html", "txt"):
            yield from sorted(
                path for path in (ROOT / top).rglob(f"*.{ending}") if "static" not in path.parts
            )


# ---- Python: a sentence is recognised by where it goes, not by how it looks


def is_prose(text: str) -> bool:
    """Return whether a string is a sentence or a part of one: three words, two of them in lower case."""
    bare = re.sub(r"<[^>]+>|\{[^}]*\}|\bat-[\w-]+", " ", text)  # no tags, no facts, none of our classes
    words = re.findall(r"[A-Za-z’'“”]{2,}", bare)
    if (
        len(words) < 3
        or SQL.search(text)
        or FOR_BROWSERS.search(text)
        or re.search(r"[=;/_]{2,}|^\s*[./]|::", bare)
    ):
        return False
    return " " in text.strip() and sum(word.islower() for word in words) >= 2


def in_python(text: str) -> list[Found]:
    """Return the sentences of a module that go neither through gettext nor to a log, a console, SQL or a developer."""
    walker = _Sinks()
    walker.visit(ast.parse(text))
    return walker.found


class _Sinks(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: list[Found] = []
        self._function = ""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside, self._function = self._function, node.name
        self.generic_visit(node)
        self._function = outside

    def visit_Assert(self, node: ast.Assert) -> None:
        """What an assertion says is for developers."""

    def visit_Compare(self, node: ast.Compare) -> None:
        """What a text is compared with is what a channel or a library says."""

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if "permissions" not in names:  # rows of auth_permission
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node)
        holders = {part.id for part in ast.walk(node.func) if isinstance(part, ast.Name)}
        holders |= {part.attr for part in ast.walk(node.func) if isinstance(part, ast.Attribute)} - {name}
        developer = name in TECHNICAL and not (name == "ValueError" and self._function in SHOWN)
        if name in {*GETTEXT, *EVIDENCE, "print", "execute"} or developer or holders & LOGS:
            return
        for part in [node.func, *node.args]:
            self.visit(part)
        for keyword in node.keywords:
            if keyword.arg == "row":  # of a verdict table
                continue
            if keyword.arg not in FOR_TOOLS or name in {"display", "action"}:
                self.visit(keyword.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        self._note(node.lineno, text)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._note(node.lineno, node.value)

    def _note(self, line: int, text: str) -> None:
        if is_prose(text):
            self.found.append(Found(line, text))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


# ---- templates: a word is recognised by the node around it

_HOLE = "\x00"
_IN_TAG = "\ufffc"  # a hole for the parser, which takes a tag with a NUL for text


def in_template(text: str, *, html: bool) -> list[Found]:
    """Return the words of a template that stand outside {% translate %} and {% blocktranslate %}, by text node and attribute.

    Classes are no words, nor is a {% block page_class %} that holds them.
    """
    parts, found, translated, classes = [], [], False, False
    for token in Lexer(text).tokenize():
        word = token.contents.split(" ")[0] if token.token_type == TokenType.BLOCK else ""
        if word in {"block", "endblock"}:
            classes = word == "block" and token.contents.endswith("class")
        if word in {"blocktranslate", "blocktrans", "comment", "say"}:
            translated = True
        elif word in {"endblocktranslate", "endblocktrans", "endcomment", "endsay"}:
            translated = False
        elif token.token_type == TokenType.TEXT and not translated and not classes:
            parts.append(token.contents)
            continue
        elif token.token_type in {TokenType.BLOCK, TokenType.VAR} and word not in {"translate", "trans"}:
            said = re.findall(r'(?<!_\()(?<!class=)"([^"]*)"', token.contents)
            found += [Found(token.lineno or 0, one) for one in said if is_prose(one)]
        parts.append(_HOLE + "\n" * text_of(token, text).count("\n"))
    rest = "".join(parts)
    nodes = _nodes(rest) if html else enumerate(rest.splitlines(), 1)
    found += [Found(line, words) for line, words in nodes if _has_words(words)]
    return sorted(found)


def text_of(token: object, text: str) -> str:
    """Return the source of a token."""
    start, end = getattr(token, "position", None) or (0, 0)
    return text[start:end]


def _has_words(text: str) -> bool:
    return re.search(r"[^\W\d_]{2,}", KNOWN.sub(" ", text.replace(_HOLE, " "))) is not None


class _Nodes(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, str]] = []
        self._unread: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        shows_value = tag == "input" and about.get("type") in {"submit", "button"}
        read = READ | ({"value"} if shows_value else set())
        self.found += [(self.getpos()[0], value) for name, value in about.items() if name in read]
        icon = ICON_FONT in about.get("class", "").split()  # the name of an icon, not a word
        if tag in {"script", "style", "code"} or icon:
            self._unread.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unread and self._unread[-1] == tag:
            self._unread.pop()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.found.append((self.getpos()[0], data))


def _nodes(html: str) -> list[tuple[int, str]]:
    parser = _Nodes()
    parser.feed(
        html.replace(f"<{_HOLE}", f"<i{_IN_TAG}").replace(_HOLE, _IN_TAG)
    )  # a tag may have a variable for its name
    parser.close()
    return [(line, words.replace(_IN_TAG, _HOLE)) for line, words in parser.found]


# ---- both


def outside() -> dict[str, list[Found]]:
    """Return the words outside the catalogues by file, without the exceptions."""
    found: dict[str, list[Found]] = {}
    for path in python_files():
        name = path.relative_to(ROOT).as_posix()
        if CONSOLE.search(f"/{name}"):
            continue
        if words := [one for one in in_python(path.read_text(encoding="utf-8")) if not _excepted(name, one)]:
            found[name] = words
    for path in templates():
        text = path.read_text(encoding="utf-8")
        if words := in_template(text, html=path.suffix == ".html"):
            found[path.relative_to(ROOT).as_posix()] = words
    return found


def _excepted(name: str, found: Found) -> bool:
    return any(name == file and found.text.startswith(begins) for file, begins in EXCEPTIONS)


# ---- the catalogue


class Message(NamedTuple):
    """What identifies a message in a catalogue."""

    context: str
    one: str
    many: str


def messages() -> set[Message]:
    """Return what the catalogue has to hold: what `make words` would extract."""
    found: set[Message] = set()
    for path in python_files():
        found |= of_python(path.read_text(encoding="utf-8"))
    for path in templates():
        found |= of_template(path.read_text(encoding="utf-8"))
    return found


def of_python(text: str) -> set[Message]:
    """Return the messages of a module: calls of the gettext family with constant texts."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and (name := _called(node)) in GETTEXT:
            texts = [
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            ]
            if len(texts) >= GETTEXT[name]:
                found.add(_message(name, texts))
    return found


def of_template(text: str) -> set[Message]:
    """Return the messages of a template, by the functions that makemessages uses."""
    source, found = templatize(as_django(text)), set()
    for call in re.finditer(r"\b(n?p?gettext|_)\(", source):
        texts, at = [], call.end()
        while literal := re.compile(r"\s*(u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\")\s*,?", re.DOTALL).match(
            source, at
        ):
            texts.append(ast.literal_eval(literal.group(1)))
            at = literal.end()
        if len(texts) >= GETTEXT[call.group(1)]:
            found.add(_message(call.group(1), texts))
    return found


def _message(name: str, texts: list[str]) -> Message:
    texts = texts[: GETTEXT[name]]
    context = texts.pop(0) if name in CONTEXT else ""
    return Message(context, texts[0], texts[1] if len(texts) > 1 else "")


def in_catalogue(text: str) -> set[Message]:
    """Return the messages of a .po file, without its head and what is obsolete."""
    found = set()
    for entry in re.split(r"\n\s*\n", text):
        fields = {"msgctxt": "", "msgid": "", "msgid_plural": ""}
        current = ""
        for line in entry.splitlines():
            word = re.match(r'(msg\w+(?:\[\d\])?)?\s*("(?:[^"\\]|\\.)*")\s*$', line)
            if word:
                current = word.group(1) or current
                if current in fields:
                    fields[current] += ast.literal_eval(word.group(2))
        if fields["msgid"]:
            found.add(Message(fields["msgctxt"], fields["msgid"], fields["msgid_plural"]))
    return found


def main() -> int:
    """Print what is outside the catalogues, line by line; return the exit status."""
    found = outside()
    for name, words in found.items():
        sys.stdout.writelines(f"{name}:{one.line}: {one.text.strip()[:100]!r}\n" for one in words)
    sys.stdout.write(
        f"{sum(map(len, found.values()))} words in {len(found)} files are outside the catalogues.\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
