"""Bringing in accounts and tokens from before, from CSV. All lines are checked first; one bad line imports nothing.

Dates are not in the file: they are unknown ("Not available") until the ordinary sweep has asked the channel.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO, TypeVar

from django.db import transaction

from accounts import pool
from accounts.models import Account, AccountEvent, AccountToken
from tokens import lifecycle, scrub
from tokens.channels import declarations, registry
from tokens.channels.kinds import Credentials
from tokens.lifecycle import Imported
from tokens.models import ChannelApp, Token
from users.models import Team, User

REQUIRED = ("channel", "native_id")
COLUMNS = (
    *REQUIRED,
    "name",
    "team",
    "linked_by",
    "native_user_id",
    "native_user_name",
    "access_token",
    "refresh_token",
    "token_secret",
    "region",
)
BATCH = 1000
# First checks of one process, at a channel that answers within 200 ms, on a machine that had other work to do: 3,459 to 4,096, see
# docs/performance.md.
CHECKED_A_MINUTE = 3_400
LONGEST_USER_ID = 191

T = TypeVar("T")
Progress = Callable[[Iterable[T], str], Iterable[T]]


class ImportRefused(Exception):  # noqa: N818  # an answer
    """The file is not imported. `problems` name line and remedy; none of them shows a credential."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems[:3]))
        self.problems = list(problems)


@dataclass(frozen=True)
class ImportLine:
    """One checked line."""

    number: int
    channel: str
    native_id: str
    name: str
    team: Team
    linked_by: User | None
    native_user_id: str
    native_user_name: str
    credentials: Credentials | None


@dataclass(frozen=True)
class Result:
    """What an import did, or would do."""

    lines: int
    accounts: int  # new ones
    tokens: int  # new ones
    kept: int  # tokens that were linked already: their credentials stay as they are
    links: int  # new pool entries


@dataclass
class ImportChecker:
    """Checks lines one by one and collects every problem, so that a person can fix the file in one go."""

    problems: list[str] = field(default_factory=list)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    tokens_of: dict[tuple[str, str], Credentials] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=lambda: {team.name: team for team in Team.objects.all()})
    no_team: Team = field(default_factory=Team.default)  # of a line that names none
    users: dict[str, User] = field(default_factory=dict)
    apps: set[str] = field(
        default_factory=lambda: set(
            ChannelApp.objects.filter(is_default=True, secrets__isnull=False).values_list(
                "channel", flat=True
            )
        )
    )

    def check(self, number: int, row: dict[str, str]) -> ImportLine | None:
        """Return the line, or None after noting what is wrong with it."""
        before = len(self.problems)
        channel, native_id = row["channel"].lower(), self._native_id(number, row)
        line = ImportLine(
            number=number,
            channel=channel,
            native_id=native_id,
            name=row["name"] or native_id,
            team=self._team(number, row["team"]),
            linked_by=self._user(number, row["linked_by"]),
            native_user_id=row["native_user_id"],
            native_user_name=row["native_user_name"],
            credentials=self._credentials(number, channel, row),
        )
        key = (channel, native_id, line.native_user_id)
        if key in self.seen:
            self._note(number, "the same account and native user are in the file twice. Remove one of them.")
        self.seen.add(key)
        return line if len(self.problems) == before else None

    def _native_id(self, number: int, row: dict[str, str]) -> str:
        try:
            return registry.get(row["channel"].lower()).canonical_id(row["native_id"])
        except registry.UnknownChannel as error:
            self._note(number, scrub.strange(str(error)))
        except ValueError as error:
            self._note(number, f"native_id: {scrub.strange(str(error))}")
        return row["native_id"]

    def _team(self, number: int, name: str) -> Team:
        if name and name not in self.teams:
            self._note(
                number, f"there is no team {scrub.named(name)}. Make it first, or leave the column empty."
            )
        return self.teams.get(name, self.no_team)

    def _user(self, number: int, email: str) -> User | None:
        if not email:
            return None
        email = email.lower()
        if email not in self.users:
            user = User.objects.filter(email=email).first()
            if user is None:
                self._note(
                    number,
                    f"linked_by: nobody here has the e-mail {scrub.named(email)}. Invite them, or leave it empty.",
                )
                return None
            self.users[email] = user
        return self.users[email]

    def _credentials(self, number: int, channel: str, row: dict[str, str]) -> Credentials | None:
        given = [name for name in ("access_token", "refresh_token", "token_secret") if row[name]]
        if not given:
            if row["native_user_id"]:
                self._note(number, "native_user_id without access_token. Give both or neither.")
            return None
        if not row["access_token"]:
            self._note(number, f"{given[0]} without access_token.")
        if not row["native_user_id"]:
            self._note(number, "access_token without native_user_id: whose token is it?")
        if len(row["native_user_id"]) > LONGEST_USER_ID:
            self._note(number, f"native_user_id has more than {LONGEST_USER_ID} characters.")
        native = registry.CHANNELS.get(channel)
        if native is not None and native.protocol == "oauth1" and not row["token_secret"]:
            self._note(number, f"{native.label} needs token_secret beside access_token.")
        if channel not in self.apps:
            self._note(
                number, f"the channel {scrub.named(channel)} has no app. Set it up under Channel apps first."
            )
        region = self._region(number, channel, row["region"])
        found = Credentials(row["access_token"], row["refresh_token"], row["token_secret"], region=region)
        first = self.tokens_of.setdefault((channel, row["native_user_id"]), found)
        if first != found:
            self._note(number, "this native user is in the file with two different tokens. Keep the newest.")
        return found

    def _region(self, number: int, channel: str, given: str) -> str:
        """Return whose hosts a token is good at: the first region where the line names none."""
        declared = declarations.declared().get(channel)
        if declared is None:
            return ""  # told already
        if given and given not in declared.regions:
            known = ", ".join(declared.regions) or "none"
            self._note(
                number, f"region: {declared.label} has no region {scrub.named(given)}. Known: {known}."
            )
        return declared.region(given)

    def _note(self, number: int, text: str) -> None:
        self.problems.append(f"Line {number}: {text}")


def read(source: TextIO, progress: Progress[tuple[int, dict[str, str]]]) -> list[ImportLine]:
    """Read and check all lines. Raises ImportRefused with every problem."""
    reader = csv.reader(source)
    try:
        header = [name.strip("\ufeff \t").lower() for name in next(reader)]
    except (StopIteration, csv.Error, UnicodeDecodeError):
        raise ImportRefused(["The file is empty or is not CSV in UTF-8."]) from None
    _check_header(header)
    checker = ImportChecker()
    try:
        rows = list(_rows(reader, header, checker))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ImportRefused([f"Line {reader.line_num}: not CSV in UTF-8 ({error})."]) from None
    checked = [checker.check(number, row) for number, row in progress(rows, "checking")]
    if checker.problems:
        raise ImportRefused(checker.problems)
    return [line for line in checked if line is not None]


def _check_header(header: list[str]) -> None:
    problems = []
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if unknown:
        problems.append(
            f"Line 1: unknown columns {', '.join(map(scrub.named, unknown))}. Known: {', '.join(COLUMNS)}."
        )
    if missing:
        problems.append(f"Line 1: the columns {', '.join(missing)} are missing.")
    if len(set(header)) != len(header):
        problems.append("Line 1: a column appears twice.")
    if problems:
        raise ImportRefused(problems)


def _rows(reader: Any, header: list[str], checker: ImportChecker) -> Iterator[tuple[int, dict[str, str]]]:
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            checker.problems.append(
                f"Line {reader.line_num}: {len(cells)} columns, the first line has {len(header)}."
            )
            continue
        if any(scrub.UNSTORABLE.search(cell) for cell in cells):
            checker.problems.append(f"Line {reader.line_num}: a character that is no text (NUL). Remove it.")
            continue
        given = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        yield reader.line_num, {name: given.get(name, "") for name in COLUMNS}


def write(lines: Sequence[ImportLine], *, now: datetime, dry_run: bool, progress: Progress[Any]) -> Result:
    """Write all in one transaction, or, with `dry_run`, say what that would do and undo it."""
    with transaction.atomic():
        before = Account.objects.count()
        tokens, kept = _tokens(lines, now)  # first: nobody who holds an account asks for a token
        accounts = _accounts(lines, now)
        links = _links(lines, accounts, tokens, now, progress)
        result = Result(len(lines), Account.objects.count() - before, len(tokens) - kept, kept, links)
        if dry_run:
            transaction.set_rollback(True)
    return result


def _accounts(lines: Sequence[ImportLine], now: datetime) -> dict[tuple[str, str], Account]:
    wanted = {
        (line.channel, line.native_id): Account(
            channel=line.channel,
            native_id=line.native_id,
            name=line.name[:300],
            team=line.team,
            created_at=now,
            since=now,
        )
        for line in lines
    }
    in_order = [wanted[key] for key in sorted(wanted)]
    Account.objects.bulk_create(in_order, batch_size=BATCH, ignore_conflicts=True)
    found: dict[tuple[str, str], Account] = {}
    for start in range(0, len(in_order), BATCH):
        some = in_order[start : start + BATCH]
        rows = Account.objects.filter(native_id__in=[one.native_id for one in some])
        found |= {(one.channel, one.native_id): one for one in rows}
    return {key: account for key, account in found.items() if key in wanted}


def _tokens(lines: Sequence[ImportLine], now: datetime) -> tuple[dict[tuple[str, str], Token], int]:
    """Return the tokens by (channel, native user), and how many of them existed before."""
    apps = {app.channel: app for app in ChannelApp.objects.filter(is_default=True)}
    wanted = {
        (line.channel, line.native_user_id): Imported(
            app=apps[line.channel],
            native_user_id=line.native_user_id,
            native_user_name=line.native_user_name,
            credentials=line.credentials,
            user=line.linked_by,
        )
        for line in lines
        if line.credentials is not None
    }
    rows, kept = lifecycle.store_imported(list(wanted.values()), now=now)
    return {(token.app.channel, token.native_user_id): token for token in rows}, kept


def _links(
    lines: Sequence[ImportLine],
    accounts: dict[tuple[str, str], Account],
    tokens: dict[tuple[str, str], Token],
    now: datetime,
    progress: Progress[Any],
) -> int:
    before = AccountToken.objects.count()
    batches = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    for batch in progress(batches, "writing"):
        entries, events = [], []
        for line in batch:
            account = accounts[line.channel, line.native_id]
            token = tokens.get((line.channel, line.native_user_id))
            if token is not None:
                entries.append(
                    AccountToken(account=account, token=token, added_by=line.linked_by, added_at=now)
                )
            events.append(
                AccountEvent(
                    account=account,
                    token=token,
                    kind=AccountEvent.Kind.IMPORTED,
                    source="import",
                    actor=line.linked_by,
                    at=now,
                )
            )
        AccountToken.objects.bulk_create(entries, ignore_conflicts=True)
        AccountEvent.objects.bulk_create(events)
        lifecycle.note_linked(token_ids=[entry.token_id for entry in entries], now=now)
    # By id over all lines, as everybody locks accounts: in the order of the file a renewal and this could wait for each other.
    ids = sorted(account.pk for account in accounts.values())
    batches_of_ids = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    for some in progress(batches_of_ids, "settling"):
        pool.settle(account_ids=some, cause="imported", now=now, source="import")
    return AccountToken.objects.count() - before
