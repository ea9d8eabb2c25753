"""What a lease is made of: account, active token and channel app, in one read."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from django.db import connection

from accounts.models import Account
from broker.leases.callers import Caller
from broker.leases.errors import NotFound
from broker.leases.texts import text
from tokens.channels import registry

Facts = Sequence[Any] | Mapping[str, Any]
Row = tuple[Any, ...]


def read(sql: str, facts: Facts) -> list[Row]:
    """Return the rows of a statement, in a thread. An event loop asks `infra.async_database`. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        found: list[Row] = cursor.fetchall()
        return found


def write(sql: str, facts: Facts) -> None:
    """Run a statement that gives no rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)


Purpose = Literal["publish", "read"]
Name = tuple[str, str]  # channel and native id, as the channel or our callers write it


class LeaseRow(NamedTuple):
    """The facts of the one read: account, active token, channel app's version."""

    account_id: int
    channel: str
    native_id: str
    team_id: int
    state: str
    restriction: str
    token_id: int | None
    generation: int
    native_user_id: str
    native_user: str
    credentials: bytes | None
    access_expires_at: datetime | None
    last_used_at: datetime | None
    app_id: int
    app_version: int
    named: bool  # the caller may know whose token it is


# Who is named to whom is the rule of ui.name_visibility, here in the one read.
_SELECT = """
select a.id, a.channel, a.native_id, a.team_id, a.state, a.restriction,
       t.id, t.generation, t.native_user_id, t.native_user_name, t.credentials,
       case when t.dates_source ->> 'access' in ('provider', 'introspection') then t.access_expires_at end,
       t.last_used_at, t.app_id, p.version,
       case
         when {teams} is null then true
         when t.team_id is not null then t.team_id = any({teams})
         when t.consented_by_id is null then true  -- imported: it is the account's team's
         else exists (
           select from users_membership m
           where m.user_id = t.consented_by_id and m.team_id = any({teams})
         )
       end
"""
_FACTS = _SELECT.format(teams="%(teams)s::bigint[]")
_JOINS = """
left join tokens_token t on t.id = coalesce(%(token)s::bigint, a.active_token_id)
left join tokens_channelapp p on p.id = t.app_id
"""
READ = f"""
{_FACTS} from accounts_account a {_JOINS}
where a.channel = %(channel)s and a.native_id = %(native_id)s
"""
# The same for a credential of the gate: what holds now of its key comes with it.
READ_FOR_KEY = f"""
{_SELECT.format(teams="own.teams")}, k.name, k.channels, k.scopes, own.teams, k.last_used_at
from accounts_apikey k
cross join lateral (
  select coalesce(array_agg(x.team_id), '{{}}') as teams from accounts_apikey_teams x where x.apikey_id = k.id
) own
join accounts_account a on a.id = %(account)s
{_JOINS}
where k.id = %(key)s and left(k.sha256, 16) = %(mark)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > %(now)s)
"""  # noqa: S608  # all of it stands here
READ_MANY = f"""
{_FACTS} from accounts_account a {_JOINS}
where a.channel = any(%(channels)s::text[]) and a.native_id = any(%(native_ids)s::text[])
"""


def read_row(caller: Caller, channel: str, native_id: str, token_id: int | None = None) -> LeaseRow:
    """Return an account with its active token, or with this one. Raises NotFound where the caller does not see it."""
    return row_of(caller, channel, read(READ, row_facts(caller, channel, native_id, token_id)))


def row_facts(caller: Caller, channel: str, native_id: str, token_id: int | None = None) -> dict[str, Any]:
    """Return what `READ` asks by. Raises NotFound for what is no channel or no id."""
    return {**_facts(caller, token_id), "channel": channel, "native_id": _canonical(channel, native_id)}


def row_of(caller: Caller, channel: str, found: Sequence[Row]) -> LeaseRow:
    """Return what `READ` found. Raises NotFound where the caller does not see it."""
    row = LeaseRow(*found[0]) if found else None
    if row is None or not caller.reaches(channel=channel, team_id=row.team_id):
        raise NotFound(text("no_account"))
    return row


def read_rows(caller: Caller, names: Collection[Name]) -> Mapping[Name, LeaseRow]:
    """Return what `read_row` gives for each name that the caller sees, by the name as it was given."""
    written = written_names(names)
    return rows_of(caller, written, read(READ_MANY, rows_facts(caller, written)))


def written_names(names: Collection[Name]) -> Mapping[Name, Name]:
    """Return for each name that can be one, as it was given, how we write it."""
    written: dict[Name, Name] = {}
    for name in names:
        try:
            written[name] = name[0], _canonical(*name)
        except NotFound:
            continue
    return written


def rows_facts(caller: Caller, written: Mapping[Name, Name]) -> dict[str, Any]:
    """Return what `READ_MANY` asks by."""
    asked = list(set(written.values()))
    return {
        **_facts(caller, None),
        "channels": list({one[0] for one in asked}),
        "native_ids": [one[1] for one in asked],
    }


def rows_of(caller: Caller, written: Mapping[Name, Name], found: Sequence[Row]) -> Mapping[Name, LeaseRow]:
    """Return what `READ_MANY` found of what the caller sees, by the names as they were given."""
    rows = map(LeaseRow._make, found)
    seen = {
        (row.channel, row.native_id): row
        for row in rows
        if caller.reaches(channel=row.channel, team_id=row.team_id)
    }
    return {name: seen[ours] for name, ours in written.items() if ours in seen}


def _facts(caller: Caller, token_id: int | None) -> dict[str, Any]:
    return {"teams": caller.teams_written, "token": token_id}


def _canonical(channel: str, native_id: str) -> str:
    try:
        return registry.get(channel).canonical_id(native_id)
    except (registry.UnknownChannel, ValueError) as error:
        raise NotFound(text("no_account")) from error


def spare(channel: str) -> timedelta:
    """Return how long a token of this channel is to live still when it is handed out, where it can be renewed."""
    policy = registry.get(channel).renewal
    return policy.spare if policy else timedelta(0)


def servable(row: LeaseRow, until: datetime, purpose: Purpose) -> bool:
    """Return whether the token can be handed out as it stands, to live until then."""
    return (
        row.state == Account.State.CONNECTED
        and (purpose == "read" or not row.restriction)  # what the channel restricts can be read
        and row.token_id is not None
        and (row.access_expires_at is None or row.access_expires_at > until)
    )
