"""Reports of publishing jobs. A report is a hint: our own probe decides before anything is written.

What our question found is kept for a moment: who reports the same again is answered by it, and the channel is spared. It is in Valkey for
all processes, where that is away by each for itself. It outranks nothing that is written: a token that died, was renewed or lost its ad
account since is answered as it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from django.conf import settings

from accounts.models import Account, RefusedWrite
from accounts.sync import services as account_sync
from accounts.sync.services import LinkedAccount
from broker.leases import queries
from broker.leases import services as leases
from broker.leases import slow as slow_leases
from broker.leases.callers import Caller
from broker.leases.errors import Busy, NotAvailable, NotFound
from broker.leases.natively import Unordinary
from broker.leases.queries import LeaseRow, Purpose
from broker.leases.services import Claims, Lease, open_lease
from broker.leases.texts import text
from infra import async_database, scrub
from infra.io_steps import Clock
from tokens import lifecycle
from tokens.channels import gate, registry, shared
from tokens.channels.http import Limit
from tokens.channels.kinds import (
    HARMLESS,
    AccessCheck,
    Answer,
    Classification,
    Reason,
    Verdict,
)
from tokens.checks import services as probe
from tokens.models import ChannelApp, Doubt, Token
from tokens.unknown_answers import services as unknown_answers
from users.installation import hold

FOUND_FOR = 60.0  # seconds; a token that dies meanwhile is found by the next report
UNDECIDED_FOR = (
    30.0  # seconds after which whoever was told to come back does so, and the channel is asked again
)


@dataclass(frozen=True)
class Asked:
    """What the channel said of the ad account, asked with the token of a lease: nothing of the answer itself is kept."""

    verdict: Verdict
    reason: Reason | None
    permits_writing: bool
    decided: bool  # else there is nothing that can be gone by


def recall_answer(claims: Claims, reported: Verdict, now: datetime) -> Asked | None:
    """Return what was found of the lease's token and ad account, where a report that said the same made us ask a moment ago."""
    key = _key(claims, reported)
    kept: dict[str, Any] | None = shared.read([key]).get(key)
    if kept is None:
        return None
    age = abs(now.timestamp() - kept["at"])
    if age >= (FOUND_FOR if kept["decided"] else UNDECIDED_FOR):
        return None
    reason = Reason(kept["reason"]) if kept["reason"] else None
    return Asked(Verdict(kept["verdict"]), reason, kept["permits_writing"], kept["decided"])


def keep_answer(claims: Claims, reported: Verdict, asked: Asked, now: datetime) -> None:
    """Keep what was found, for reports that say the same of this token and ad account."""
    kept = {
        "at": now.timestamp(),
        "verdict": asked.verdict.value,
        "reason": asked.reason.value if asked.reason else "",
        "permits_writing": asked.permits_writing,
        "decided": asked.decided,
    }
    shared.write(_key(claims, reported), kept, FOUND_FOR if asked.decided else UNDECIDED_FOR)


def _key(claims: Claims, reported: Verdict) -> str:
    """Name the question. By verdict, so that a job's bad request does not hide a death that another reports; and those are few."""
    return f"asked:{claims.token_id}:{claims.generation}:{claims.account_id}:{reported.value}"


Action = Literal["none", "retry_with", "retry_later", "hold"]

UNDECIDED = HARMLESS | {Verdict.APP_FAULT, Verdict.CONFIRM_FIRST, Verdict.OUR_BUG}
RETRY_AFTER = 30
SOURCE = "report"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class _ReportedRow(NamedTuple):
    """What an answer that needs no question to the channel is made of: account, token and app, by one read.

    Jobs come again and again while their channel is silent, and each is told at once to wait. Where the token is gone, what is its is None.
    """

    channel: str
    native_id: str
    team_id: int
    generation: int | None
    state: str | None
    reason: str | None
    client_id: str | None


_READ = """
select a.channel, a.native_id, a.team_id, t.generation, t.state, t.reason, app.client_id
from accounts_account a left join tokens_token t on t.id = %s left join tokens_channelapp app on app.id = t.app_id
where a.id = %s
"""


@dataclass(frozen=True)
class ReportAnswer:
    """What the caller does next: nothing, retry with another lease, retry later, or hold until a person acts.

    `verdict` and `reason` are those of our own question, where that decided.
    """

    verdict: Verdict
    action: Action
    reason: str = ""
    detail: str = ""
    lease: Lease | None = None
    retry_after: int | None = None
    held: NotAvailable | None = None


def report(
    *, caller: Caller, lease_id: str, status: int, body: Any, now: datetime, method: str = ""
) -> ReportAnswer:
    """Take what the channel answered to a job, confirm it, and say what to do next.

    `method` is that of the answered request, where the job tells it: a good answer to a write shows that the person may write. Raises
    NotFound and LeaseOver. Within 5 seconds: our own probe of this token (and account) decides; unreachable means retry later. Where the
    reported token works and still serves, the answer was about the request: nothing to do.
    """
    claims = open_lease(lease_id, caller=caller, now=now, for_sending=False)
    return take_answer(
        caller=caller, claims=claims, answer=Answer("api", status, body=body), now=now, method=method
    )


def take_from_gate(
    caller: Caller, row: LeaseRow, purpose: Purpose, answer: Answer, *, now: datetime, method: str = ""
) -> ReportAnswer:
    """Take an answer as `report` does, to a request that we sent for a job with the row's token: `retry_with` comes without a lease."""
    assert row.token_id is not None  # whoever sent saw to it
    claims = Claims(caller.key_id, row.account_id, row.token_id, row.generation, now, now, purpose)
    return take_answer(caller=caller, claims=claims, answer=answer, now=now, method=method, hands_out=False)


def take_answer(
    *,
    caller: Caller,
    claims: Claims,
    answer: Answer,
    now: datetime,
    method: str = "",
    hands_out: bool = True,
) -> ReportAnswer:
    """Take an answer as `report` does, of whoever held this token for this account. Raises NotFound."""
    hold.refuse()
    row = _row_of(caller, queries.read(_READ, [claims.token_id, claims.account_id]))
    said = registry.get(row.channel).classify(answer)
    if said.verdict == Verdict.OK:
        if method in WRITES and claims.purpose == "publish":  # a report may be asked for by POST
            # The channel no longer refuses this person's writes, where it took one.
            account_sync.lift_refusals(account_ids=[claims.account_id], token_ids=[claims.token_id], now=now)
        return ReportAnswer(Verdict.OK, "none")
    evidence = scrub.evidence(call=answer.call, status=answer.status, body=answer.body)
    return _Report(caller, claims, row, said, evidence, now, hands_out).answer()


async def report_natively(
    caller: Caller, lease_id: str, *, status: int, body: Any, now: datetime, method: str
) -> ReportAnswer:
    """Do as `report` of a good answer, in an event loop. Raises Unordinary for any other, and where PostgreSQL is to be told of it."""
    claims = open_lease(lease_id, caller=caller, now=now, for_sending=False)
    row = _row_of(caller, await async_database.read(_READ, [claims.token_id, claims.account_id]))
    said = registry.get(row.channel).classify(Answer(call="api", status=status, body=body))
    if said.verdict != Verdict.OK or (method in WRITES and claims.purpose == "publish"):
        raise Unordinary
    return ReportAnswer(Verdict.OK, "none")


def _row_of(caller: Caller, found: Sequence[tuple[Any, ...]]) -> _ReportedRow:
    row = _ReportedRow(*found[0]) if found else None
    if row is None or not caller.reaches(channel=row.channel, team_id=row.team_id):
        raise NotFound(text("no_lease"))
    return row


@dataclass(frozen=True)
class _Report:
    """A report of an answer that is no success: whose it is, of which lease, and what the answer means by itself."""

    caller: Caller
    claims: Claims
    row: _ReportedRow
    said: Classification
    evidence: dict[str, Any]
    now: datetime
    hands_out: bool = True

    def answer(self) -> ReportAnswer:
        """Say what to do. Raises NotFound."""
        self._keep_unknown()
        if self.row.generation != self.claims.generation:
            return self._next(self.said)
        if self.row.state == Token.State.DEAD:
            return self._next(_confirmed(self.row.reason or ""))
        if self.said.verdict == Verdict.OUR_BUG:
            return ReportAnswer(self.said.verdict, "none", detail=text("about_the_request"))
        if self.said.verdict in HARMLESS:
            return _later(self.said.verdict, self.said.retry_after or RETRY_AFTER)
        return self._confirm()

    def _keep_unknown(self) -> None:
        """Keep an answer that nobody knows, for staff; of a token that is gone nothing is kept."""
        if not self.said.unknown:
            return
        app = ChannelApp.objects.filter(tokens=self.claims.token_id).first()
        if app is not None:
            by = {"token_id": self.claims.token_id, "api_key": self.caller.key_id}
            unknown_answers.keep_answer(app, self.said, self.evidence, now=self.now, **by)

    def _confirm(self) -> ReportAnswer:
        """Ask the channel ourselves, where it can be asked now: there is no waiting for a channel that is away.

        Where the same was reported a moment ago, what was found then is the answer.
        """
        row = self.row
        if asked := recall_answer(self.claims, self.said.verdict, self.now):
            return self._go_by(asked)
        if wait := gate.closed_for(row.channel, row.client_id or ""):
            return _later(Verdict.TRANSIENT, wait)
        try:
            with gate.share(row.channel):
                return self._ask()
        except gate.NoRoom:
            return _later(Verdict.TRANSIENT, gate.ROOM_AFTER)

    def _ask(self) -> ReportAnswer:
        """Ask first about the token, then about the account. Raises NotFound where that went away meanwhile."""
        claims, now = self.claims, self.now
        token = Token.objects.select_related("app").filter(pk=claims.token_id).first()
        account = Account.objects.filter(pk=claims.account_id).first()
        if account is None:
            raise NotFound(text("no_lease"))
        if token is None:
            return self._next(self.said)
        limit, clock = Limit(settings.REPORT_PROBE_TIMEOUT), Clock(now)
        outcome = probe.probe_token(token.pk, now=now, source=SOURCE, timeout=settings.REPORT_PROBE_TIMEOUT)
        if outcome.state == Token.State.DEAD:
            return self._next(_confirmed(outcome.reason))
        doubt = token.doubts.undecided().filter(about="").first()
        if outcome.verdict == Verdict.TOKEN_DEAD and doubt is not None:
            return self._next(_confirmed(doubt.reason))
        if outcome.state != Token.State.VALID or outcome.generation != claims.generation:
            return self._next(self.said)
        if outcome.verdict != Verdict.OK:
            return _later(outcome.verdict, slow_leases.RENEWED_WITHIN if outcome.waits else RETRY_AFTER)
        read = _read_account(account, token, clock=clock, limit=limit)
        found = read.classification
        undecided = found.verdict in UNDECIDED
        undecided = undecided or account_sync.is_doubted(token.pk, account.native_id, Doubt.Kind.RESTRICTION)
        permits_writing = account_sync.permits_writing(read)
        asked = Asked(found.verdict, found.reason, permits_writing, decided=not undecided)
        keep_answer(claims, self.said.verdict, asked, now)
        answer = self._go_by(asked)
        if answer.action == "none":
            lifecycle.record_dispute(token=token, evidence=self.evidence, now=now, source=SOURCE)
        return answer

    def _go_by(self, asked: Asked) -> ReportAnswer:
        """Answer by what our own question found of a token that works, now or a moment ago. A refused write is a word each time.

        Where that decides nothing, another log-in may go before this one by now.
        """
        found = Classification(asked.verdict, asked.reason)
        if not asked.decided:
            return self._next(found)
        if self.claims.purpose == "publish" and asked.permits_writing:
            account_sync.take_refused_write(
                token=Token(pk=self.claims.token_id, generation=self.claims.generation),
                account_id=self.claims.account_id,
                api_key=self.caller.key_id,
                leased_at=self.claims.issued_at,
                classification=self.said,
                found=found,
                now=self.now,
            )
        return self._next(self.said, works=asked)

    def _next(self, said: Classification, works: Asked | None = None) -> ReportAnswer:
        """Give the account's present lease for the purpose of the one that was reported, or say why there is none.

        `said`: what the answer means, or our own question found. `works`: what was found of the token that was reported, where that
        decided. Where that one serves still, another lease of it would be answered the same, so none is given: there is nothing to do
        where it works, else the job comes back. So it does with a known refusal of a write that shifted nothing.
        """
        row, purpose, reason = self.row, self.claims.purpose, str(said.reason or "")
        try:
            serves = leases.find_serving(self.caller, row.channel, row.native_id, self.now, purpose, self.now)
            if (serves.token_id, serves.generation) == (self.claims.token_id, self.claims.generation):
                if works is None:
                    return _later(said.verdict, RETRY_AFTER, reason)
                if purpose == "publish" and account_sync.known_write_refusal(said):
                    wait = int(RefusedWrite.KNOWN_EVERY.total_seconds())
                    return _later(said.verdict, wait, reason, text("not_believed"))
                about = text("about_the_request")
                return ReportAnswer(works.verdict, "none", reason=str(works.reason or ""), detail=about)
            fresh = leases.hand_out_lease(self.caller, serves, purpose, self.now) if self.hands_out else None
        except NotAvailable as held:
            return ReportAnswer(said.verdict, "hold", reason=held.reason, held=held)
        except Busy as busy:
            return _later(said.verdict, busy.retry_after, reason)
        return ReportAnswer(said.verdict, "retry_with", reason=reason, lease=fresh)


def _later(verdict: Verdict, seconds: int, reason: str = "", detail: str = "") -> ReportAnswer:
    return ReportAnswer(verdict, "retry_later", reason, detail, retry_after=seconds)


def _confirmed(reason: str) -> Classification:
    """Return what our own question found: it says more than the answer that made us ask."""
    return Classification(Verdict.TOKEN_DEAD, Reason(reason) if reason in set(Reason) else Reason.UNKNOWN)


def _read_account(account: Account, token: Token, *, clock: Clock, limit: Limit) -> AccessCheck:
    """Read the ad account with a token, and write what was found. Raises VaultError or ValueError where the credentials do not open."""
    token = Token.objects.select_related("app").get(pk=token.pk)
    asked_at = clock.read()
    linked = LinkedAccount(account.pk, account.native_id)
    found = account_sync.read_accounts(token, [linked], timeout=limit.left())
    now = clock.read()
    account_sync.record_readings(token, found, now=now, source=SOURCE, asked_at=asked_at, answered_at=now)
    return found.readings[account.pk]
