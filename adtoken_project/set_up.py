"""Setting an installation up from a file, for Ansible, Terraform or an init job: teams, channel apps, API keys, people.

The file is TOML (`docs/set-up.md` shows one). It may be applied again and again: what is there already stays, what differs is set, and
what it does not name is left alone. It holds no secret: app secrets are named by file or by variable of the environment, and the secret of
a new API key is written to a file of its own, once.
"""

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.forms import BaseForm
from django.utils import timezone

from accounts import api_keys
from accounts.mails import outside_mail
from accounts.models import ApiKey
from portal.channel_app_form import form_for, name_of
from portal.forms import KeyForm
from tokens import default_app
from tokens.channels import registry
from tokens.channels.kinds import AppKeys
from tokens.models import ChannelApp
from tokens.vault import NothingStored
from users import invitations
from users.models import Invitation, Team, User
from users.role_choices import Role

FIELDS = {
    "teams": {"name", "members_only"},
    "channel_apps": {
        *("channel", "client_id", "label", "secret_file", "secret_env", "redirect_base", "config_id"),
        "more_env",
        *("daily_budget", "scopes", "state", "is_default"),
    },
    "api_keys": {"name", "scopes", "teams", "channels", "last_day", "write_to"},
    "people": {"email", "name", "team", "role", "staff"},
}
Entry = Mapping[str, Any]


class SetUpRefused(Exception):  # noqa: N818  # an answer
    """Nothing was changed. `problems`: what is wrong, a line each, without secrets."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass
class SetUpRun:
    """One run: who does it, what was done, what is wrong."""

    by: User
    now: datetime
    folder: Path  # paths in the file are relative to it
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    walls: list[Team] = field(default_factory=list)  # whose rule about log-ins of outsiders is to change

    def path(self, name: str) -> Path:
        """Return a path of the file."""
        return self.folder / name


def read(text: str) -> dict[str, list[Entry]]:
    """Read the file. Raises SetUpRefused for what is no TOML, and for tables and fields that do not exist."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetUpRefused([f"This is no TOML: {error}"]) from error
    problems = [
        f"There is no [[{name}]]. There are: {', '.join(FIELDS)}." for name in found if name not in FIELDS
    ]
    for table, fields in FIELDS.items():
        entries = found.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            problems.append(f"Write [[{table}]], with two brackets, before each entry.")
            continue
        for number, entry in enumerate(entries, 1):
            unknown = sorted(set(entry) - fields)
            if "secret" in unknown:
                problems.append(
                    f"{table} {number}: name a secret by secret_file or secret_env; the file holds none."
                )
            elif unknown:
                problems.append(
                    f"{table} {number}: no field {', '.join(unknown)}. Fields: {', '.join(sorted(fields))}."
                )
    if problems:
        raise SetUpRefused(problems)
    return {table: found.get(table, []) for table in FIELDS}


def apply(tables: Mapping[str, Sequence[Entry]], *, by: User, now: datetime, folder: Path) -> list[str]:
    """Set up what the file names, all or nothing. Returns what was done, a line each. Raises SetUpRefused."""
    work = SetUpRun(by, now, folder)
    try:
        with transaction.atomic():
            for table, each in _STEPS.items():
                for number, entry in enumerate(tables[table], 1):
                    before = len(work.problems)
                    each(work, entry)
                    work.problems[before:] = [f"{table} {number}: {said}" for said in work.problems[before:]]
            if work.problems:
                raise SetUpRefused(work.problems)
            _change_walls(work)
    except BaseException:
        for path in work.written:  # of keys that do not exist now
            path.unlink(missing_ok=True)
        raise
    return work.done


def _team(work: SetUpRun, entry: Entry) -> None:
    name = str(entry.get("name", ""))
    team = Team.objects.filter(name=name).first() or Team(name=name)
    fresh, before = team.pk is None, team.members_only
    team.members_only = bool(entry.get("members_only", team.members_only))
    if not fresh and team.members_only == before:
        return
    try:
        team.full_clean()
    except ValidationError as error:
        work.problems += error.messages
        return
    if fresh:
        team.save()
        work.done.append(f"team {team}: made")
    else:
        work.walls.append(team)


def _change_walls(work: SetUpRun) -> None:
    """Change the rules of teams that were there.

    What stops or loses a backup by it is told to the leads, and counted in the lines.
    """
    for team in work.walls:
        team.save(update_fields=["members_only"])
        work.done.append(f"team {team}: changed")
    closed = [team.pk for team in work.walls if team.members_only]
    if not closed:
        return
    fewer = outside_mail.tell(team_ids=closed, since=work.now, actor=work.by)
    stopped = outside_mail.stopped(team_ids=closed, since=work.now).count()
    if stopped or fewer:
        work.done.append(
            f"accounts that stopped: {stopped}, that go on with fewer people: {fewer}."
            f" Log-ins of people outside the team no longer carry them. The leads are mailed, except {work.by.email}."
        )


def _app(work: SetUpRun, entry: Entry) -> None:
    channel, client_id = str(entry.get("channel", "")), str(entry.get("client_id", ""))
    app = ChannelApp.objects.filter(channel=channel, client_id=client_id).first()
    secret = _secret(work, entry)
    if secret is None:
        return
    if (keys := _keys(app)) is not None and keys.secrets[:1] == (secret,):
        secret = ""
    values = {**_app_values(app, entry, secret), **_more(work, app, channel, entry)}
    form = form_for(app)(values, instance=app)
    if not _is_valid(work, form):
        return
    if app is not None and not form.has_changed():
        return
    saved = form.save(commit=False)
    stepped_back = default_app.save(
        app=saved, scopes=form.cleaned_data["wanted_scopes"], new_secret=secret, more=form.more
    )
    work.done.append(f"{saved}: {'changed' if app else 'made'}")
    work.done += [f"{other}: is retiring, new links use {saved}" for other in stepped_back]


def _app_values(app: ChannelApp | None, entry: Entry, secret: str) -> dict[str, Any]:
    """Return what the portal's form would send: what the file says, else what is stored, else what a new app begins with."""
    names = ("label", "redirect_base", "config_id", "daily_budget", "is_default", "state")
    stored = {name: getattr(app, name) for name in names} if app else {"is_default": True, "state": "live"}
    said = {name: entry[name] for name in names if name in entry}
    scopes = entry.get("scopes", app.scopes if app else [])
    return {
        **stored, **said, "channel": entry.get("channel"), "client_id": entry.get("client_id"),
        "new_secret": secret, "wanted_scopes": "\n".join(scopes),
    }  # fmt: skip


def _more(work: SetUpRun, app: ChannelApp | None, channel: str, entry: Entry) -> dict[str, str]:
    """Return the further values of an app that the entry names, by their fields: {"more_env": {"developer_token": "VARIABLE"}}."""
    said = entry.get("more_env", {})
    native = registry.CHANNELS.get(channel)
    known = {one.name: one for one in native.app_fields} if native else {}
    keys = _keys(app)
    stored = keys.more if keys else {}
    found = {}
    for name, variable in said.items() if isinstance(said, dict) else ():
        if name not in known:
            work.problems.append(f"apps of {channel} have no {name}.")
        elif not os.environ.get(str(variable)):
            work.problems.append(f"the variable {variable} is empty.")
        elif os.environ[str(variable)] != stored.get(name):
            found[name_of(channel, known[name])] = os.environ[str(variable)]
    return found


def _keys(app: ChannelApp | None) -> AppKeys | None:
    """Return what the app has; None where it has not all that its channel wants."""
    try:
        return app.keys() if app is not None else None
    except NothingStored:
        return None


def _secret(work: SetUpRun, entry: Entry) -> str | None:
    """Return the app secret that the entry names, "" where it names none, None where it cannot be had."""
    if "secret_env" in entry:
        found = os.environ.get(str(entry["secret_env"]), "")
        if not found:
            work.problems.append(f"the variable {entry['secret_env']} is empty.")
        return found or None
    if "secret_file" not in entry:
        return ""
    try:
        return work.path(str(entry["secret_file"])).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        work.problems.append(f"{entry['secret_file']} cannot be read: {type(error).__name__}.")
        return None


def _key(work: SetUpRun, entry: Entry) -> None:
    before = len(work.problems)
    teams = list(Team.objects.filter(name__in=entry.get("teams", [])))
    work.problems += [
        f"there is no team {name}." for name in entry.get("teams", []) if name not in {t.name for t in teams}
    ]
    values = {
        **entry,
        "scopes": entry.get("scopes", list(api_keys.FOR_JOBS)),
        "teams": [team.pk for team in teams],
    }
    form = KeyForm(values, viewer=SimpleNamespace(is_superuser=True))
    if "write_to" not in entry:
        work.problems.append("write_to is missing: the file that a new key is written to.")
    form.is_valid()
    named = ApiKey.objects.filter(name=form.cleaned_data.get("name", ""), revoked_at=None)
    known = named.order_by(F("expires_at").desc(nulls_first=True), "pk").first()  # the one that lasts longest
    if known is not None and known.expires_at is not None and known.expires_at <= work.now:
        # Before the file's own faults: the day that it names is over as well.
        work.problems.append(
            f"the key {known} has ended. Keys do not change: revoke it, or give the new one another name."
        )
        return
    if not _is_valid(work, form) or len(work.problems) > before:
        return
    wanted, path = form.cleaned_data, work.path(str(entry["write_to"]))
    if known is not None:
        _compare(work, known, wanted, path)
        return
    key, text = api_keys.issue(
        name=wanted["name"], scopes=wanted["scopes"], teams=teams, channels=wanted["channels"],
        created_by=work.by, expires_at=wanted["expires_at"],
    )  # fmt: skip
    try:
        path.touch(mode=0o600, exist_ok=False)
        work.written.append(path)
        path.write_text(text)
    except OSError as error:
        work.problems.append(
            f"{path} cannot be made: {type(error).__name__}. A key is written to a new file."
        )
        return
    work.done.append(f"API key {key}: made, its secret is in {path}")


def _compare(work: SetUpRun, key: ApiKey, wanted: Mapping[str, Any], path: Path) -> None:
    """Say where a key that exists is not as it is wanted: a key is never changed, and its secret is never had again."""
    same = (set(key.scopes), set(key.channels), set(key.teams.all())) == (
        set(wanted["scopes"]),
        set(wanted["channels"]),
        set(wanted["teams"]),
    )
    if not same:
        work.problems.append(
            f"the key {key} may do something else. Keys do not change: revoke it, or give this one another name."
        )
    if key.expires_at != wanted["expires_at"]:
        work.problems.append(
            f"the key {key} ends {_day(key.expires_at)}, the file says {_day(wanted['expires_at'])}."
            " Keys do not change: revoke it, or give this one another name."
        )
    if not path.exists():
        work.problems.append(
            f"the key {key} exists and {path} does not. Its secret cannot be had again: revoke it, or put the file back."
        )


def _day(end: datetime | None) -> str:
    """Return the last day of a key that ends at this moment, as the file writes it."""
    return f"after {timezone.localdate(end - timedelta(microseconds=1))}" if end else "never"


def _person(work: SetUpRun, entry: Entry) -> None:
    email, team = (
        str(entry.get("email", "")).strip().lower(),
        Team.objects.filter(name=entry.get("team")).first(),
    )
    if team is None:
        work.problems.append(f"there is no team {entry.get('team', '')}.")
        return
    pending = Invitation.objects.filter(email=email, team=team, accepted_at=None, revoked_at=None).first()
    if team.memberships.filter(user__email=email).exists() or (pending and pending.is_open(work.now)):
        return
    role = str(entry.get("role") or (Role.MANAGER if entry.get("staff") else Role.MARKETER))
    if role not in Role.values:
        work.problems.append(f"there is no role {role}. Roles: {', '.join(Role.values)}.")
        return
    try:
        validate_email(email)
        if pending:  # it ran out
            invitations.send_again(invitation=pending, by=work.by, now=work.now)
            work.done.append(f"{email}: invited to {team} again")
            return
        invitations.create(
            email=email, team=team, invited_by=work.by, now=work.now,
            name=str(entry.get("name", "")), role=Role(role),
        )  # fmt: skip
    except ValidationError as error:
        work.problems += error.messages
    except invitations.InvitationError as error:
        work.problems.append(str(error))
    else:
        work.done.append(f"{email}: invited to {team}")


def _is_valid(work: SetUpRun, form: BaseForm) -> bool:
    for name, errors in form.errors.items():
        work.problems += [f"{name}: {error}" if name != "__all__" else str(error) for error in errors]
    return not form.errors


_STEPS: Mapping[str, Callable[[SetUpRun, Entry], None]] = {
    "teams": _team,
    "channel_apps": _app,
    "api_keys": _key,
    "people": _person,
}
