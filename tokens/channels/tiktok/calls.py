"""TikTok's native calls, and the lists that are put together from them.

The token travels in the header `Access-Token`, without "Bearer"; secrets travel in JSON bodies.

oauth2/advertiser/get takes the app's secret as a query parameter: TikTok documents no other way (its SDK does the same). http.py logs no
address, and the stand-in's log redacts it.

A list: which ad accounts were granted, their facts a hundred at a time, and the person's role on each.
"""

import json as jsonlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from tokens.channels import http
from tokens.channels.addresses import api_base
from tokens.channels.http import Limit
from tokens.channels.kinds import (
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelError,
    Classification,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.channels.parse import digits
from tokens.channels.sessions import ChannelSession
from tokens.channels.tiktok import reading
from tokens.channels.tiktok.declaration import DECLARATION
from tokens.channels.tiktok.verdicts import TABLE
from tokens.channels.turns import Turns, beginning_at

PAGE_SIZE = 50  # the most that bc/get and bc/asset/get give


def address(path: str) -> str:
    """Return the address of a path without slashes around it. TikTok's own end with one."""
    return f"{api_base(DECLARATION)}/{path}/"


def get(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Ask as the person."""
    return session.ask(call, address(path), params=params, headers={"Access-Token": session.token})


def post(
    call: Call,
    path: str,
    body: Mapping[str, Any],
    *,
    app: AppKeys,
    token: str = "",
    timeout: float | None = None,
) -> Answer:
    """Send a JSON body with the app's id and secret in it. `timeout` in seconds."""
    sent = {"app_id": app.client_id, "secret": app.secret, **body}
    headers = {"Access-Token": token} if token else None
    return http.request(call, "POST", address(path), json=sent, headers=headers, timeout=timeout)


def advertiser_info(call: Call, session: ChannelSession, native_ids: Sequence[str]) -> Answer:
    """Ask for the facts of at most 100 ad accounts."""
    return get(call, "advertiser/info", session, {"advertiser_ids": jsonlib.dumps(list(native_ids))})


def page_of(path: str, session: ChannelSession, number: int, about: Mapping[str, str]) -> Answer:
    """Ask for a page of one of the lists of Business Centers."""
    return get("api", path, session, {**about, "page": str(number), "page_size": str(PAGE_SIZE)})


def require_ok(answer: Answer) -> dict[str, Any]:
    """Return `data` of a good answer. Raises ChannelError for everything else."""
    data = TABLE.require_ok(answer).get("data")
    if not isinstance(data, dict):
        raise TABLE.malformed(answer, "data")
    return data


CHUNK = 100  # ad accounts in one call, clients' experience
SPLITS = 60  # calls that may be spent on finding ad accounts for which a whole call is refused
FACTS_WITHIN = 60.0  # seconds for the facts of a list; what is not read by then makes it incomplete
ROLES_WITHIN = 30.0  # seconds for the roles of a list; those not read by then are unknown
MAX_PAGES = 400  # a longer list is incomplete
ROLES = "roles"  # in what was told of a log-in: its Roles


@dataclass
class Roles:
    """What the Business Centers said: the person's role names and the owner's name by ad account, and what hindered the question."""

    names: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    problem: Classification | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False  # whether nothing is left to ask


def of_person(session: ChannelSession) -> AccountList:
    """List what the person granted, each with its facts and role. Nothing ticked gives an empty list that is complete.

    An error in the first answer of a kind raises ChannelError; a later one leaves out what it hides and makes the list incomplete.
    """
    granted, whole = _granted(session)
    facts = _Facts(session, Limit(FACTS_WITHIN))
    found: dict[str, NativeAccount] = {}
    for start in range(0, len(granted), CHUNK):
        try:
            found |= facts.read(granted[start : start + CHUNK])
        except ChannelError:
            if start == 0:
                raise
            whole = False
            break
    complete = whole and facts.complete
    if not found:
        return AccountList((), complete=complete)
    roles = read_roles(session, Limit(ROLES_WITHIN))
    listed = (found[one] for one in granted if one in found)
    return AccountList(tuple(_in_role(one, roles) for one in listed), complete=complete)


def _in_role(account: NativeAccount, roles: Roles) -> NativeAccount:
    """Add the person's role and the owner's name. Where the question was hindered, a wider role may be on a page that was not read."""
    account = replace(account, business=roles.owners.get(account.native_id, ""))
    names = roles.names.get(account.native_id, set())
    if roles.problem is not None and not names & reading.ROLES.publishing:
        return replace(account, role_told=False)
    return reading.with_role(account, names)


def _granted(session: ChannelSession) -> tuple[list[str], bool]:
    """Return the ids that were granted, and whether TikTok says that these are all. It has no pages. Raises ChannelError."""
    keys = {"app_id": session.app.client_id, "secret": session.app.secret}
    answer = get("list_accounts", "oauth2/advertiser/get", session, keys)
    rows = reading.rows(require_ok(answer))
    if rows is None:
        raise TABLE.malformed(answer, "a list of ad accounts")
    ids = [digits(row.get("advertiser_id")) for row in rows]
    usable = list(dict.fromkeys(one for one in ids if one))
    partial = answer.body.get("code") not in {0, "0"}  # PARTIAL_OK
    return usable, not partial and all(ids)


class _Facts:
    """Reads the facts of ad accounts. One that is deleted makes TikTok refuse the call for all, so it is looked for by halves."""

    def __init__(self, session: ChannelSession, limit: Limit) -> None:
        self._session, self._splits, self._limit = session, SPLITS, limit
        self.complete = True

    def read(self, native_ids: Sequence[str]) -> dict[str, NativeAccount]:
        """Return what can be read in time. Raises ChannelError where the call fails as a whole."""
        if self._limit.over:
            self.complete = False
            return {}
        answer = advertiser_info("api", self._session, native_ids)
        classification = TABLE.classify(answer)
        if classification.verdict == Verdict.ACCESS_LOST and classification.reason == Reason.ACCESS_LOST:
            return self._halves(native_ids)
        rows = reading.rows(require_ok(answer))
        if rows is None:
            raise TABLE.malformed(answer, "a list of facts")
        read = [account for account in map(reading.account, rows) if account is not None]
        found = {account.native_id: account for account in read if account.native_id in native_ids}
        self.complete = self.complete and len(found) == len(native_ids)
        return found

    def _halves(self, native_ids: Sequence[str]) -> dict[str, NativeAccount]:
        if len(native_ids) == 1:
            return {}  # out of reach, whatever the list of grants says
        if self._splits < 2:
            self.complete = False
            return {}
        self._splits -= 2
        middle = len(native_ids) // 2
        return self.read(native_ids[:middle]) | self.read(native_ids[middle:])


def read_roles(session: ChannelSession, limit: Limit, *, only: str = "") -> Roles:
    """Ask the person's Business Centers for roles, as long as there is time. `only`: stop once it is known to publish there.

    What hinders the question is in `problem`; an app that may not ask Business Centers knows no roles. The next question goes on where
    this one was hindered, so that each page has its turn. What was read for another ad account of the log-in is not asked again where it
    is whole, or says that the person may publish on this one.
    """
    known: Roles | None = session.told.get(ROLES)
    if known is not None and (known.whole or known.names.get(only, set()) & reading.ROLES.publishing):
        return known
    found, turns = Roles(), Turns("tiktok-roles", session.token)
    center, page = "", 0
    try:
        for center, first, before in _in_turn(_centers(session, limit), turns.last()):
            page = first - 1
            about = {"bc_id": center, "asset_type": "ADVERTISER"}
            for rows in _pages("bc/asset/get", session, limit, range(first, before), about):
                page += 1
                _note(found, rows)
                if found.names.get(only, set()) & reading.ROLES.publishing:
                    session.told[ROLES] = found
                    return found
        found.whole = True
        session.told[ROLES] = found
    except ChannelError as error:
        found.problem, found.evidence = error.classification, error.evidence
        if center:  # a page that was refused is passed over, or none behind it would ever be read
            turns.end(f"{center}:{page + (1 if isinstance(error, _OutOfTimeError) else 2)}")
    return found


def _in_turn(centers: Sequence[str], last: str) -> Iterator[tuple[str, int, int]]:
    """Yield Business Centers, each with its first page and the one to stop before, from the place that the last question ended with."""
    at, _, page = last.partition(":")
    start = centers.index(at) if at in centers else 0
    first = int(page) if at in centers and page.isdigit() else 1
    for number, center in enumerate(beginning_at(centers, start)):
        yield center, first if number == 0 else 1, MAX_PAGES + 1
    if first > 1:
        yield at, 1, first


def _note(found: Roles, rows: Sequence[Mapping[str, Any]]) -> None:
    for native_id, role, owner in reading.assets(rows):
        if role:
            found.names.setdefault(native_id, set()).add(role)
        if owner:
            found.owners[native_id] = owner


def _centers(session: ChannelSession, limit: Limit) -> list[str]:
    """Return the ids of all Business Centers, each once: all are asked for before the first one's ad accounts."""
    pages = _pages("bc/get", session, limit, range(1, MAX_PAGES + 1), {})
    return list(dict.fromkeys(bc_id for rows in pages for bc_id in reading.centers(rows)))


class _OutOfTimeError(ChannelError):
    """There was no time left to ask."""


def _pages(
    path: str, session: ChannelSession, limit: Limit, numbers: Iterable[int], about: Mapping[str, str]
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield page after page. Raises ChannelError where one cannot be had in time."""
    for page in numbers:
        if limit.over:
            raise _OutOfTimeError(
                Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="no time left for roles")
            )
        patience = min(limit.left() or settings.CHANNEL_TIMEOUT, settings.CHANNEL_TIMEOUT)
        answer = page_of(path, session.within(patience), page, about)
        data = require_ok(answer)
        rows = reading.rows(data)
        if rows is None:
            raise TABLE.malformed(answer, "a list")
        yield rows
        if not rows or page >= reading.pages(data):
            return
