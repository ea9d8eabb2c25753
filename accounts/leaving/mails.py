"""The one mail about what goes: to whoever looks after what stopped, to the person where somebody else removed their log-in, and to whoever
took over by a key what somebody who left did. One a reader, with the parts that concern them, however many log-ins and teams.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.leaving.plan import ACCOUNT, GAVE_UP, TAKEN, TOKENS
from accounts.models import Account, AccountEvent, AccountQuerySet, AccountToken, Job
from accounts.pool import queries as pool_queries
from accounts.pool.mails import Rows, mail_row, signed_by
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, Reader, compose_mail, reader_of, register_kind
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses, dates
from ui.name_visibility import NameVisibility
from ui.text import first_name, join_names
from users.models import RefusedAddress, Team, User
from users.people.queries import fallback_readers, names_for

KIND = "left"
Readers = dict[str, dict[str, Any]]  # address -> of which teams its reader is told, and what else
SHOWN = 4  # accounts: the one that names the card, and three more
SKEW = timedelta(minutes=5)  # so far the clocks of the web and of a worker may be apart
_STOPPED = Q(state=Account.State.DEACTIVATED, reason=Token.REMOVED)  # by it, and not dark long before


def tell_people_of_leaving(job: Job, now: datetime) -> None:
    """Write the messages about what a job did, in the caller's transaction. Who asked for it knows, and is told what they took alone."""
    payload: dict[str, Any] = {
        "what": "own" if job.lets_go_own else job.kind,
        "job": job.pk,
        "person": job.leaver_id,
        "actor": job.user_id,
        "note": job.note,
    }
    teams: Collection[int] = ()
    if ACCOUNT in job.options:
        payload |= {"what": GAVE_UP, "account": job.options[ACCOUNT]}
        teams = _given_up(job)
    else:
        payload["tokens"] = sorted(_removed_by(job).values_list("pk", flat=True))
        teams = _stopped(payload["tokens"]).values_list("team", flat=True).order_by().distinct()
    readers: Readers = {address: {"teams": ids} for address, ids in _in_place(teams).items()}
    person = User.objects.filter(pk=payload["person"], is_active=True).first()
    if not job.is_offboarding and person is not None and _of_log_ins(payload.get("tokens", ())).exists():
        readers[person.email] = {"teams": [], "own": True}
    readers.pop(job.user.email, None)
    if taken := job.options.get(TAKEN):
        readers[job.user.email] = {"teams": [], "taken": taken}
    _write(payload, readers, now)


def _removed_by(job: Job) -> QuerySet[Token]:
    """Return the log-ins that a job removed. Of what a person who is seen off removed by themselves, leads were told."""
    removed = Token.objects.filter(reason=Token.REMOVED, removed_at__gte=job.created_at - SKEW)
    if job.is_offboarding:
        return removed.filter(consented_by=job.subject_id).exclude(removed_by=job.subject_id)
    return removed.filter(pk__in=job.options[TOKENS], removed_by=job.user)


def _given_up(job: Job) -> list[int]:
    """Return the team (an id) of the account that was given up; nothing where the log-in was out of it already."""
    events = AccountEvent.objects.filter(account=job.options[ACCOUNT], cause=GAVE_UP, actor=job.user)
    found = events.filter(at__gte=job.created_at - SKEW).values_list("account__team", flat=True)
    return list(found.distinct())


def _in_place(teams: Collection[int]) -> dict[str, list[int]]:
    """Return by address of whose accounts (teams, ids) its reader is told."""
    found: dict[str, list[int]] = defaultdict(list)
    for team_id, told in sorted(fallback_readers(teams).items()):
        for address in told.addresses:
            found[address].append(team_id)
    return found


def record_leaving_mail_end(message: Message) -> None:
    """Where the mail server refuses a reader's address, whoever stands in is told, in the same transaction."""
    said = message.payload
    if not message.has_failed or not RefusedAddress.objects.is_parked(message.recipient):
        return
    payload = {key: value for key, value in said.items() if key not in {"teams", "own", "taken"}}
    teams = said["teams"] or list(_stopped(said.get("tokens", ())).values_list("team", flat=True).distinct())
    actor = User.objects.filter(pk=said["actor"]).first()
    readers: Readers = {address: {"teams": ids} for address, ids in _in_place(teams).items()}
    if actor is not None:
        readers.pop(actor.email, None)
    _write(payload, readers, timezone.now())


def _write(payload: Mapping[str, Any], readers: Readers, now: datetime) -> None:
    """Write the messages that were not written yet: to each reader about teams that they were not told of."""
    before = _told(payload["job"])
    for address, about in readers.items():
        known = before.get(address)
        teams = [pk for pk in about["teams"] if pk not in (known or ())]
        if known is not None and not teams:
            continue
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            team=Team.objects.get(pk=teams[0]) if len(teams) == 1 else None,
            dedupe_key=f"{KIND}:{payload['job']}:{address}" + (f":{teams[0]}" if known is not None else ""),
            payload={**payload, **about, "teams": teams},
            now=now,
        )


def _told(job_id: int) -> dict[str, set[int]]:
    """Return by address of which teams messages about a job were written."""
    told: dict[str, set[int]] = defaultdict(set)
    written = Message.objects.filter(kind=KIND, payload__contains={"job": job_id})
    for address, teams in written.values_list("recipient", "payload__teams"):
        told[address].update(teams)
    return told


def build_leaving_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where all of it works again, was linked again, or is no longer its reader's."""
    said, reader = message.payload, reader_of(message)
    names = names_for(reader.user)
    accounts = _given_up_still(said) if said["what"] == GAVE_UP else _accounts(message, reader.user)
    found = pool_queries.first_summaries(accounts, timezone.now(), count=SHOWN)
    taken = said.get("taken", {})
    if not found and not taken:
        raise NotWanted("not_linked" if said.get("own") else "carried_again")
    person, actor = (User.objects.filter(pk=said[who]).first() for who in ("person", "actor"))
    name, answers = signed_by(actor, names)
    facts = {
        "what": said["what"],
        "person": signed_by(person, names)[0],
        "actor": name,
        "first_name": first_name(str(reader.user)) if reader.user else "",
        "own": bool(said.get("own")),
        "note": said["note"],
        "rows": Rows(
            [mail_row(one, carrier=one.active_name(names), zone=reader.zone) for one in found],
            accounts.count(),
        ),
        "stopped": accounts.filter(state=Account.State.DEACTIVATED).count(),
        "people": found[0].account.people_count if found else 0,
        "url": addresses.absolute_url("open_account", found[0].account.pk) if found else "",
        **_of_tokens(said.get("tokens", ()), reader, found, names, own=bool(said.get("own"))),
        **_taken(taken, reader),
    }
    return compose_mail(KIND, message, reader, facts, reply_to=answers)


def _given_up_still(said: Mapping[str, Any]) -> AccountQuerySet:
    account = Account.objects.filter(pk=said["account"])
    if not account:
        raise NotWanted("accounts_gone")
    if AccountToken.objects.filter(account=said["account"], token__consented_by=said["person"]).exists():
        raise NotWanted("linked_again")
    return account


def _accounts(message: Message, reader: User | None) -> AccountQuerySet:
    """Return the accounts that a mail about removed log-ins is about: all of the reader's own, else those that stopped, of some teams."""
    said = message.payload
    if not said.get("own"):
        return _stopped(said["tokens"]).filter(team__in=said["teams"])
    tokens = _still_removed(said["tokens"])
    if not tokens:
        raise NotWanted("linked_again")
    if reader is None or reader.pk != said["person"]:
        raise NotWanted("other_address")
    return _of_log_ins(said["tokens"])


def _still_removed(token_ids: Collection[int]) -> QuerySet[Token]:
    return Token.objects.filter(pk__in=token_ids, reason=Token.REMOVED)


def _of_log_ins(token_ids: Collection[int]) -> AccountQuerySet:
    """Return the accounts that used log-ins, as far as these are still removed."""
    used = AccountToken.objects.filter(token__in=_still_removed(token_ids).values("pk"))
    return Account.objects.filter(pk__in=used.values("account_id"))


def _stopped(token_ids: Collection[int]) -> AccountQuerySet:
    """Return those of them that stopped by it."""
    return _of_log_ins(token_ids).filter(_STOPPED)


def _of_tokens(
    token_ids: Collection[int],
    reader: Reader,
    found: Sequence[pool_queries.Summary],
    names: NameVisibility,
    *,
    own: bool,
) -> dict[str, Any]:
    """Return what the mail says of the log-ins; of several not whose they were at their channels."""
    tokens = list(_still_removed(token_ids).select_related("app", "consented_by").order_by("pk"))
    labels = [str(declarations.label(one.app.channel)) for one in tokens]
    one = tokens[0] if len(tokens) == 1 else None
    log_in = "" if one is None or not found else names.token(one, found[0].account)
    return {
        "number": len(tokens),
        "channel": labels[0] if labels else "",
        "channels": join_names(list(dict.fromkeys(labels))),
        "log_in": one.native_user_name if one is not None and own else log_in,
        "removed_at": dates.moment(tokens[0].state_since, zone=reader.zone).full if tokens else "",
    }


def _taken(taken: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """Return what the reader takes over, what ended, which teams nobody leads, and where that is seen."""
    lists = {what: taken.get(what, []) for what in ("asks", "macros", "ended", "led")}
    page = "admin:users_team_changelist" if lists["led"] else "admin:macros_macro_changelist"
    if lists["asks"] or lists["ended"]:
        page = "admin:accounts_ask_changelist"
    staff = reader.user is not None and reader.user.is_staff
    return {
        **{what: join_names(names) for what, names in lists.items()},
        "jobs": taken.get("jobs", 0),
        "handed": bool(taken),
        "takes": len(lists["asks"]) + len(lists["macros"]) + taken.get("jobs", 0),
        "taken_url": addresses.absolute_url(page) if staff else "",
    }


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(KIND, build_leaving_mail, name=_("Log-in removed"), ended=record_leaving_mail_end)
