"""Which requests a job may make for one ad account: kinds of rules, and how a request is held against them. Pure; it asks nobody.

A channel's table is read from the top, and what none of its rules names is refused. The path is not all: parameters of query, form and
JSON that name an account are read wherever they stand, and whatever could be read in another way than here (encoded characters, dots, NUL,
other methods in headers, bodies that we cannot read) is refused.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal

from tokens.channels.parameters import (
    FilesForm,
    Object,
    Pair,
    Refused,
    body_pairs,
    deep_pairs,
    form_pairs,
    json_of,
    query_pairs,
)

Kind = Literal["account", "object", "catalogue", "person", "batch", "upload"]
Purpose = Literal["publish", "read"]

# What may follow the account: ids are numbers, words, base 36, UUIDs and URNs.
BELOW = r"(/[A-Za-z0-9_.~:,-]+)+"
LONGEST = 16_000  # characters of path and query
MOST_ITEMS = 100  # of a batch
# No "%" but of a colon, no backslash and no empty segment, so that nobody can read another path than we do.
_PATH = re.compile(r"(/(?:[A-Za-z0-9_.~:,-]|%3[Aa])+)*/?")
_DOTS = re.compile(r"(^|/)\.+(/|$)")
SAFE = frozenset({"GET", "HEAD"})
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
TUNNEL = OVERRIDES[0]  # of LinkedIn's Rest.li: a GET whose query is too long for an address


@dataclass(frozen=True)
class Rule:
    """One kind of request. `path`: a pattern of what follows the host's address, without slashes around it.

    In it {account} stands for the account's id. A group `object` is an id whose owner must be this account, `of` what kind of thing it is.
    """

    kind: Kind
    path: str
    publishing: frozenset[str]
    reading: frozenset[str]
    host: str = ""
    needs: frozenset[str] = frozenset()  # where the path does not name the account, one of these must
    # Parameters that must be there, with one of these values; empty: with any.
    demands: Mapping[str, frozenset[str]] = field(default_factory=dict)
    long: bool = False  # the path alone decides: bodies pass that are too long to be read, or of a kind that we do not read
    says: str = ""  # what to do instead: of the person, or where a body is too long
    # Of the person: what AdToken answers in the channel's place, by the app's id there.
    answers: Callable[[str], Any] | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path, ready for use."""
        return re.compile(self.path.replace("{account}", "(?P<account>[^/]+)"))


def words(text: str) -> frozenset[str]:
    """Return the words of a text: values and names are easier to read so."""
    return frozenset(text.split())


def rule(kind: Kind, methods: str, path: str, *, reading: str = "GET", **more: Any) -> Rule:
    """Return a rule; methods as words. `reading`: those of them that a credential for reading may use."""
    publishing = words(methods)
    reads = publishing & words(reading)
    return Rule(kind, path, _with_head(publishing), _with_head(reads), **more)


def _with_head(methods: frozenset[str]) -> frozenset[str]:
    return methods | {"HEAD"} if "GET" in methods else methods


def person(path: str, says: str, methods: str = "GET POST PUT PATCH DELETE", **more: Any) -> Rule:
    """Return the rule of what belongs to a person, not to an ad account: it is refused by these words, or answered here."""
    return rule("person", methods, path, reading=methods, says=says, **more)


@dataclass(frozen=True)
class Table:
    """What a channel's jobs may ask for. Texts are for programmers, so in English; {account} in them is filled in."""

    rules: tuple[Rule, ...]
    hosts: Mapping[str, str]  # name -> the setting of its address; "" is that of the ads API
    default: str  # what is said of everything that no rule names
    # Gives status and body (JSON) of our own answer in the channel's shape. 400, 404, 413: not to be asked so; 401: this credential lets
    # nobody in; 403: not allowed, or only a person can help; 429 and 503: later.
    refuse: Callable[[int, str], tuple[int, Any]]
    names: re.Pattern[str] = re.compile("(?!)")  # parameters whose values are ids of ad accounts
    # Parameters of writes that name objects, and what kind these are; "": what the path ends with.
    objects: Mapping[str, str] = field(default_factory=dict)
    object_id: re.Pattern[str] = re.compile(
        "(?!)"
    )  # how such ids are spelt; other values of these parameters are something else
    made: frozenset[str] = frozenset()  # fields in which a good answer to a write names objects that it made
    prefix: str = ""  # that may stand before an account's id
    urn: re.Pattern[str] | None = None  # an ad account's id wherever it stands
    values: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # parameters that have one of these values or are left out
    never: Mapping[str, str] = field(default_factory=dict)  # parameters that never pass, and what to do
    # More of the channel's own; raises Refused.
    look: Callable[[str, str, Mapping[str, str], Iterable[Pair]], None] | None = None  # method, path, headers
    # Whether a long body is a form with files, read as it passes: parameters in it mean what they mean elsewhere.
    reads_forms: bool = False
    tunnels: bool = False  # whether a read may come as POST with its query as a form
    # What clients send by themselves and need no answer to: 404, with or without a credential.
    ignored: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Request:
    """A request without its credential. `path` and `query` as they were sent; `body` None: it is too long to be read."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes | None
    host: str = ""


@dataclass(frozen=True)
class Allowed:
    """A request that may be made, once every object is known to be the account's."""

    rule: Rule
    objects: tuple[tuple[str, str], ...] = ()  # what kind of thing, and its id
    repeatable: bool = False  # it reads, however it is written
    form: FilesForm | None = None  # reads what passes; it raises Refused


def allow(table: Table, asked: Request, *, native_id: str, purpose: Purpose) -> Allowed:
    """Hold a request against the table. Raises Refused."""
    if len(asked.path) + len(asked.query) > LONGEST:
        raise Refused(f"Path and query together may have at most {LONGEST} characters.", 414)
    method, pairs, seen = _contents(asked, tunnels=table.tunnels)
    item, path = _Item(table, asked.host, method, native_id, purpose), _path_of(asked.path)
    allowed = item.allow(path, pairs, asked.headers, seen=seen)
    if seen or not table.reads_forms:
        return allowed
    kind = asked.headers.get("content-type", "").strip()
    if asked.body is not None or "content-encoding" in asked.headers or not kind.startswith("multipart/"):
        raise Refused("Send files in a form with files, or JSON or a form of at most 1 MiB.", 413)
    return replace(allowed, form=FilesForm(kind, partial(item.look, path, asked.headers)))


@dataclass(frozen=True)
class _Item:
    """A request, or one of a batch."""

    table: Table
    host: str
    method: str
    native_id: str
    purpose: Purpose

    def allow(
        self, path: str, pairs: list[Pair], headers: Mapping[str, str], *, seen: bool, in_batch: bool = False
    ) -> Allowed:
        """Return what may be asked. `seen`: all parameters are in `pairs`."""
        found, match = self._find(path, pairs, seen=seen)
        if found.answers is None and found.kind == "person":
            raise Refused(found.says.replace("{account}", self.native_id))
        if not seen and not found.long:
            raise Refused(
                f"This body cannot be read here: send JSON or a form of at most 1 MiB. {found.says}".strip(),
                413,
            )
        beside = [one for one in pairs if "batch" not in _parts(one[0])] if found.kind == "batch" else pairs
        deep, named = self.look(path, headers, beside)
        if found.needs and not found.needs & named:
            raise Refused(
                f"Name ad account {self.native_id} by one of these parameters: {', '.join(sorted(found.needs))}."
            )
        if found.kind == "batch":
            if in_batch:
                raise Refused("A batch holds no other batch.")
            return self._batch(found, path, pairs)
        parts = match.groupdict()
        objects = [(parts.get("of") or "", parts["object"])] if parts.get("object") else []
        if self.method not in SAFE:
            objects += self._objects(path, deep)
        return Allowed(found, tuple(dict.fromkeys(objects)), self.method in found.reading)

    def look(
        self, path: str, headers: Mapping[str, str], pairs: Iterable[Pair]
    ) -> tuple[list[Pair], set[str]]:
        """Return all that stands in parameters, and those of them that name the account. Raises Refused."""
        deep = list(deep_pairs(pairs, self.table.names))
        named = self._names(deep)
        if self.table.look is not None:
            self.table.look(self.method, path, headers, deep)
        return deep, named

    def _objects(self, path: str, pairs: Iterable[Pair]) -> list[tuple[str, str]]:
        """Return the objects that a body names."""
        table, last = self.table, path.rpartition("/")[2]
        named = [
            (table.objects[part] or last, value.strip().lower())
            for name, value in pairs
            for part in _parts(name)
            if part in table.objects and isinstance(value, str)
        ]
        return [one for one in named if table.object_id.fullmatch(one[1]) and one[1] != self.native_id]

    def _find(self, path: str, pairs: list[Pair], *, seen: bool) -> tuple[Rule, re.Match[str]]:
        """Return the first rule for this path and method, and its match. Demands that are not met shut the path for later rules."""
        another, unmet = False, list[Rule]()
        refused: Rule | None = None
        for one in self.table.rules:
            match = one.pattern.fullmatch(path) if one.host == self.host else None
            if match is None or (unmet and one.path != unmet[0].path):
                continue
            if match.groupdict().get("account", self.native_id) != self.native_id:
                another = True
            elif self.method not in one.publishing:
                refused = refused or one
            elif not _meets(one, pairs, seen=seen):
                unmet.append(one)
            elif self.purpose == "read" and self.method not in one.reading:
                refused, unmet = one, []
                break
            else:
                return one, match
        default = self.table.default.replace("{account}", self.native_id)
        if unmet:
            raise Refused(_of_demands(unmet))
        if refused:
            raise Refused(_of_methods(self.method, refused))
        raise Refused(f"This is for ad account {self.native_id} alone. {default}" if another else default)

    def _names(self, pairs: Iterable[Pair]) -> set[str]:
        """Return the parameters that name the account. Refuse those that name another, or never pass."""
        table, named = self.table, set[str]()
        for name, value in pairs:
            for part in _parts(name):
                if part.startswith("oauth") or part in ("access_token", "_method"):
                    raise Refused(
                        f"Leave out {part}: parameters that begin with oauth_, and tokens, are not a job's to send."
                    )
                if part in table.never:
                    raise Refused(table.never[part])
                if part in table.values and str(value).strip().lower() not in table.values[part]:
                    raise Refused(
                        f"{part} must be {' or '.join(sorted(table.values[part]))}, or left out where that is possible."
                    )
                if table.names.fullmatch(part) and value is not None:
                    self._names_it(part, _ids(value, table.prefix))
                    named.add(part)
            if table.urn is not None and isinstance(value, str) and (ids := table.urn.findall(value)):
                self._names_it(name, ids)
                named |= set(_parts(name))
        return named

    def _names_it(self, name: str, ids: list[str]) -> None:
        if not ids or set(ids) != {self.native_id}:
            raise Refused(f"The parameter {name} may name this ad account alone: {self.native_id}.")

    def _batch(self, found: Rule, path: str, pairs: list[Pair]) -> Allowed:
        """Return what a batch may ask for: all of its items must pass."""
        allowed = [self._item(item, path) for item in _items(pairs)]
        objects = tuple(dict.fromkeys(one for item in allowed for one in item.objects))
        return Allowed(found, objects, all(item.repeatable for item in allowed))

    def _item(self, item: Any, version: str) -> Allowed:
        known = words("method relative_url body name depends_on omit_response_on_success attached_files")
        said: dict[str, Any] = dict(item) if isinstance(item, Object) else {"": None}
        if not known.issuperset(said) or len(said) != len(item):
            raise Refused(f"An item of a batch has {', '.join(sorted(known))}, each once, and nothing else.")
        method, address, body = said.get("method", "GET"), said.get("relative_url", ""), said.get("body", "")
        if not (isinstance(method, str) and isinstance(address, str) and isinstance(body, str)):
            raise Refused("method, relative_url and body of a batch's item are texts.")
        path, _, query = address.removeprefix("/").partition("?")
        below = _path_of(f"/{path}").removeprefix(f"{version}/")
        one = _Item(self.table, self.host, method.upper(), self.native_id, self.purpose)
        return one.allow(
            f"{version}/{below}".strip("/"),
            query_pairs(query) + form_pairs(body),
            {},
            seen=True,
            in_batch=True,
        )


def _meets(one: Rule, pairs: list[Pair], *, seen: bool) -> bool:
    """Return whether a request has the parameters that a rule demands. Where they cannot be seen, those that can must fit."""
    for name, allowed in one.demands.items():
        said = [str(value).strip(" ,").lower() for key, value in pairs if key.strip().lower() == name]
        if (not any(said) and seen) or (allowed and not allowed.issuperset(said)):
            return False
    return True


def _of_demands(rules: list[Rule]) -> str:
    said = [
        "; ".join(f"{name}: {', '.join(sorted(one)) or 'any'}" for name, one in rule.demands.items())
        for rule in rules
    ]
    return f"This address is for requests with these parameters alone: {' | '.join(said)}."


def _of_methods(method: str, one: Rule) -> str:
    if method in one.publishing:
        return f"For reading alone, {method} is not allowed here. Use a lease or credential for publishing."
    return (
        f"Nothing is asked for that way: the methods of this address are {', '.join(sorted(one.publishing))}."
    )


def _contents(asked: Request, *, tunnels: bool) -> tuple[str, list[Pair], bool]:
    """Return the method that is meant, all parameters, and whether these are all. Raises Refused."""
    method, pairs = asked.method, query_pairs(asked.query)
    override = [name for name in OVERRIDES if name in asked.headers]
    kind = asked.headers.get("content-type", "").strip()
    plain = kind.partition(";")[0].strip().lower()
    if override:
        reads = tunnels and override == [TUNNEL] and asked.headers[TUNNEL].strip().upper() == "GET"
        if not (reads and method == "POST" and plain == "application/x-www-form-urlencoded"):
            raise Refused(
                "A header must not say another method than the request has, but for a read whose query is sent as a form."
            )
        method = "GET"
    if asked.body == b"":
        return method, pairs, True
    if asked.body is None or asked.headers.get("content-encoding", "identity") != "identity":
        return method, pairs, False
    found = body_pairs(asked.body, kind, plain)
    return method, pairs + (found or []), found is not None


def _path_of(path: str) -> str:
    """Return a path as the rules have it. Raises Refused for one that others may read in another way."""
    if not _PATH.fullmatch(path) or _DOTS.search(path):
        raise Refused(
            "The path may hold letters, digits and _.~:,- alone: no dots by themselves, nothing encoded, no empty part."
        )
    return path.replace("%3A", ":").replace("%3a", ":").strip("/")


def _parts(name: str) -> list[str]:
    """Return the parts of a parameter's name: some read `a[b]` as b in a, and write dots, blanks and `a[b` with underscores.

    Go knows the fields of JSON by their folded names: a long s is an s there.
    """
    name = name if "]" in name else name.replace("[", "_")
    said = [one.strip().casefold().replace(".", "_").replace(" ", "_") for one in re.split(r"[\[\]]+", name)]
    return [one for one in said if one]


def _ids(value: Any, prefix: str) -> list[str]:
    """Return the ids of accounts that a value names, one or many, in whatever way."""
    if isinstance(value, list) and not isinstance(value, Object):
        return [one for row in value for one in _ids(row, prefix)]
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return _ids(json_of(value), prefix)
        except ValueError:
            return [value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return [repr(value)]
    return [one.strip().strip('"').lower().removeprefix(prefix) for one in str(value).split(",")]


def _items(pairs: Iterable[Pair]) -> list[Any]:
    """Return the items of the one batch that there is. Raises Refused."""
    said = [value for name, value in pairs if "batch" in _parts(name)]
    try:
        items = json_of(said[0]) if len(said) == 1 and isinstance(said[0], str) else (said or [None])[0]
    except ValueError:
        items = None
    if len(said) != 1 or not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise Refused(
            f"The parameter batch must be there once, as a JSON list of 1 to {MOST_ITEMS} requests.", 400
        )
    return items
