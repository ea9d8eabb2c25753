"""What is wrong with each line of a file, and what it would do: every problem is collected, so that a person can fix the file in one go.

Dates are not in the file: they are unknown ("Not available") until the ordinary sweep has asked the channel.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from accounts.imports.models import Cells, ImportFileLine
from accounts.imports.tables import ImportRefused, Numbered, Problem
from accounts.models import Account, AccountToken
from infra import scrub
from tokens.channels import registry
from tokens.channels.kinds import Credentials
from tokens.models import ChannelApp, Token
from tokens.vault.services import VaultError
from ui.text import plain
from users.models import Team, User

REQUIRED = ("channel", "native_id")
SECRETS = ("access_token", "refresh_token", "token_secret")
COLUMNS = (*REQUIRED, "name", "team", "linked_by", "native_user_id", "native_user_name", *SECRETS)
LONGEST_USER_ID = 191
# An id as a spreadsheet shows it that took it for a number: its last digits are gone.
_DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)


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


@dataclass
class ImportChecker:
    """Checks lines one by one. `viewer`: whose teams and people may be named; `team`: of a line that names none."""

    viewer: User
    team: Team
    problems: list[Problem] = field(default_factory=list)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    tokens_of: dict[tuple[str, str], Credentials] = field(default_factory=dict)
    users: dict[str, User | None] = field(default_factory=dict)
    apps: set[str] = field(
        default_factory=lambda: set(
            ChannelApp.objects.leading().filter(secrets__isnull=False).values_list("channel", flat=True)
        )
    )

    def __post_init__(self) -> None:
        self.all_teams = self.viewer.is_administrator
        self.teams = {team.name: team for team in self.viewer.teams_managed}

    @sensitive_variables()
    def check(self, number: int, row: Cells) -> ImportLine | None:
        """Return the line, or None after noting what is wrong with it."""
        before = len(self.problems)
        channel, native_id = row["channel"].lower(), self._native_id(number, row)
        line = ImportLine(
            number=number,
            channel=channel,
            native_id=native_id,
            name=plain(row["name"]) or native_id,
            team=self._team(number, row["team"]),
            linked_by=self._user(number, row["linked_by"]),
            native_user_id=row["native_user_id"],
            native_user_name=plain(row["native_user_name"]),
            credentials=self._credentials(number, channel, row),
        )
        key = (channel, native_id, line.native_user_id)
        if key in self.seen:
            self.note(number, "twice_in_file")
        self.seen.add(key)
        return line if len(self.problems) == before else None

    def note(self, number: int, code: str, **facts: object) -> None:
        """Note what is wrong with a line."""
        plain = {name: fact if isinstance(fact, int) else str(fact) for name, fact in facts.items()}
        self.problems.append(Problem(number, code, plain))

    def _native_id(self, number: int, row: Cells) -> str:
        given = row["native_id"]
        if _DAMAGED.fullmatch(given):
            self.note(number, "damaged_id", column="native_id")
            return given
        try:
            return registry.get(row["channel"].lower()).canonical_id(given)
        except registry.UnknownChannel:
            known = ", ".join(registry.CHANNELS)
            self.note(number, "no_channel", given=scrub.named(row["channel"]), known=known)
        except ValueError as error:
            self.note(number, "native_id", text=scrub.strange(str(error)))
        return given

    def _team(self, number: int, name: str) -> Team:
        if name and name not in self.teams:
            code = "no_team" if self.all_teams else "no_team_of_yours"
            self.note(number, code, given=scrub.named(name))
        return self.teams.get(name, self.team)

    def _user(self, number: int, email: str) -> User | None:
        if not email:
            return None
        email = email.lower()
        if email not in self.users:
            self.users[email] = User.objects.visible_to(self.viewer).filter(email=email).first()
        user = self.users[email]
        if user is None:
            code = "no_person" if self.all_teams else "no_person_of_yours"
            self.note(number, code, given=scrub.named(email))
        elif not user.is_active:
            self.note(number, "person_switched_off", given=scrub.named(email))
        return user

    def _credentials(self, number: int, channel: str, row: Cells) -> Credentials | None:
        given = [name for name in SECRETS if row[name]]
        if not given:
            if row["native_user_id"]:
                self.note(number, "user_without_token")
            return None
        if not row["access_token"]:
            self.note(number, "without_access_token", given=given[0])
        if not row["native_user_id"]:
            self.note(number, "whose_token")
        if len(row["native_user_id"]) > LONGEST_USER_ID:
            self.note(number, "long_user_id", most=LONGEST_USER_ID)
        if _DAMAGED.fullmatch(row["native_user_id"]):
            self.note(number, "damaged_id", column="native_user_id")
        native = registry.CHANNELS.get(channel)
        if native is not None and native.signs and not row["token_secret"]:
            self.note(number, "needs_token_secret", channel=native.label)
        if native is not None and channel not in self.apps:
            self.note(number, "no_app", given=scrub.named(channel))
        found = Credentials(row["access_token"], row["refresh_token"], row["token_secret"])
        first = self.tokens_of.setdefault((channel, row["native_user_id"]), found)
        if first != found:
            self.note(number, "two_tokens")
        return found


def check_header(header: Sequence[str]) -> None:
    """Raise ImportRefused unless the first line names our columns, each once."""
    problems = []
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if unknown:
        names = ", ".join(map(scrub.named, unknown))
        problems.append(Problem(1, "unknown_columns", {"names": names, "known": ", ".join(COLUMNS)}))
    if missing:
        problems.append(Problem(1, "missing_columns", {"names": ", ".join(missing)}))
    if len(set(header)) != len(header):
        problems.append(Problem(1, "column_twice"))
    if problems:
        raise ImportRefused(problems)


def read_cells(
    rows: Iterable[Numbered], header: Sequence[str], checker: ImportChecker
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield what lines say, by column. What is no line of this table the checker is told, and it is left out."""
    for number, cells in rows:
        if len(cells) != len(header):
            checker.note(number, "other_columns", count=len(cells), first=len(header))
            continue
        if any(scrub.UNSTORABLE.search(cell) for cell in cells):
            checker.note(number, "no_text")
            continue
        given: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        yield number, {name: given.get(name, "") for name in COLUMNS}


# --- what a line would do to what is here: read before anything is written, and again by whoever writes ----------------------

# A person's file crosses no team's wall: it changes no account of a team that is not theirs, and it puts somebody's log-in that is here
# already into no further pool, unless the file holds the very same credentials. Operators and administrators may do both.


Standing = ImportFileLine.Standing


def effect_of(standing: Standing, *, brings_log_in: bool) -> str:
    """Return what a line does, or did, as a block of words/importing.txt."""
    if standing == Standing.NEW:
        return "new_with_log_in" if brings_log_in else "new_alone"
    return "adds_log_in" if standing == Standing.ADDS else "here_already"


@dataclass(frozen=True)
class Known:
    """What is here of what a file names."""

    accounts: dict[tuple[str, str], Account]  # by channel and native id
    tokens: dict[tuple[str, str], Token]  # by channel and native user
    pairs: set[tuple[tuple[str, str], str]]  # the key of an account, and a native user in its pool


def find_known(lines: Sequence[ImportLine]) -> Known:
    """Read it. Three queries."""
    users = {line.native_user_id for line in lines if line.credentials is not None}
    found = Account.objects.filter(native_id__in={line.native_id for line in lines})
    by_id = {one.pk: (one.channel, one.native_id) for one in found}
    # New links use the channel's default app, so what another app knows of the same person is another log-in.
    rows = Token.objects.filter(native_user_id__in=users, app__is_default=True).select_related("app")
    entries = AccountToken.objects.filter(account__in=by_id, token__in=[one.pk for one in rows])
    pairs = entries.values_list("account_id", "token__native_user_id")
    return Known(
        accounts={by_id[one.pk]: one for one in found},
        tokens={(one.app.channel, one.native_user_id): one for one in rows},
        pairs={(by_id[pk], user) for pk, user in pairs},
    )


def plan_lines(lines: Sequence[ImportLine], here: Known) -> list[tuple[ImportLine, Standing]]:
    """Return each line with what comes of it, in order: a later one meets what an earlier one made."""
    made, pairs = set[tuple[str, str]](), set(here.pairs)
    planned = []
    for line in lines:
        key = (line.channel, line.native_id)
        pair = (key, line.native_user_id)
        adds = line.credentials is not None and pair not in pairs
        if key not in here.accounts and key not in made:
            standing = Standing.NEW
            made.add(key)
        else:
            standing = Standing.ADDS if adds else Standing.HERE
        if adds:
            pairs.add(pair)
        planned.append((line, standing))
    return planned


def behind_walls(
    lines: Iterable[ImportLine], here: Known, viewer: User, *, since: datetime | None = None
) -> list[Problem]:
    """Return what a person may not do by these lines. However many they are, it is two queries.

    `since`: when their file was uploaded; a log-in that came in by it since is theirs, also where it was renewed meanwhile.
    """
    if viewer.is_administrator:
        return []
    ids = [account.pk for account in here.accounts.values()]
    seen = set(Account.objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", flat=True))
    own = _brought_in(here, viewer, since) if since else set[int]()
    problems = []
    for line in lines:
        key = (line.channel, line.native_id)
        account, token = here.accounts.get(key), here.tokens.get((line.channel, line.native_user_id))
        if account is not None and account.pk not in seen:
            problems.append(Problem(line.number, "account_elsewhere"))
        elif (
            line.credentials is not None
            and token is not None
            and (key, line.native_user_id) not in here.pairs
            and token.pk not in own
            and not _same(token, line)
        ):
            problems.append(Problem(line.number, "log_in_here"))
    return problems


def _brought_in(here: Known, viewer: User, since: datetime) -> set[int]:
    """Return the log-ins that were made since then, in pools to which this person added them."""
    made = [token.pk for token in here.tokens.values() if token.created_at >= since]
    added = AccountToken.objects.filter(token__in=made, added_by=viewer, added_at__gte=since)
    return set(added.values_list("token_id", flat=True))


@sensitive_variables()
def _same(token: Token, line: ImportLine) -> bool:
    """Return whether the file holds what is stored: whoever has the token itself may use it anyway."""
    given = line.credentials
    try:
        stored = token.unseal()
    except (VaultError, ValueError):  # removed, or under a key that is gone
        return False
    return given is not None and (stored.access_token, stored.secret) == (
        given.access_token,
        given.secret,
    )
