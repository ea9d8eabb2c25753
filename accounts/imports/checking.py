"""What is wrong with each line of a file: every problem is collected, so that a person can fix the file in one go.

Dates are not in the file: they are unknown ("Not available") until the ordinary sweep has asked the channel.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from accounts.imports.tables import ImportRefused, Numbered, Problem
from infra import scrub
from tokens.channels import registry
from tokens.channels.kinds import Credentials
from tokens.models import ChannelApp
from ui.text import plain
from users.models import Team, User
from users.people.visibility import people_of, teams_of

REQUIRED = ("channel", "native_id")
SECRETS = ("access_token", "refresh_token", "token_secret")
COLUMNS = (*REQUIRED, "name", "team", "linked_by", "native_user_id", "native_user_name", *SECRETS)
LONGEST_USER_ID = 191
# An id as a spreadsheet shows it that took it for a number: its last digits are gone.
_DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)

Cells = Mapping[str, str]  # what a line says, by column; "" where it says nothing


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
    """Checks lines one by one. `viewer`: whose teams and people may be named; None: everybody's."""

    viewer: User | None = None
    team: Team | None = None  # of a line that names none; None: the default team
    problems: list[Problem] = field(default_factory=list)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    tokens_of: dict[tuple[str, str], Credentials] = field(default_factory=dict)
    users: dict[str, User | None] = field(default_factory=dict)
    apps: set[str] = field(
        default_factory=lambda: set(
            ChannelApp.objects.filter(is_default=True, secrets__isnull=False).values_list(
                "channel", flat=True
            )
        )
    )

    def __post_init__(self) -> None:
        self.no_team = self.team or Team.default()
        self.all_teams = self.viewer is None or self.viewer.is_administrator
        named = Team.objects.all() if self.viewer is None else teams_of(self.viewer)
        self.teams = {team.name: team for team in named}

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
        return self.teams.get(name, self.no_team)

    def _user(self, number: int, email: str) -> User | None:
        if not email:
            return None
        email = email.lower()
        if email not in self.users:
            people: QuerySet[User] = User.objects.all() if self.viewer is None else people_of(self.viewer)
            self.users[email] = people.filter(email=email).first()
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


def cells_of(
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
