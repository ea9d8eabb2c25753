"""Reports of publishing jobs. A report is a hint: our own probe decides before anything is written."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from django.conf import settings

from accounts import access_doubts, account_sync, pool_entries, selection, write_refusals
from accounts.models import Account, AccountToken
from broker import asked_lately, leases, prepared, slow_leases
from broker.asked_lately import Asked
from broker.callers import Caller
from broker.errors import Busy, NotAvailable, NotFound
from broker.leases import Claims, Lease, is_use_due, open_lease
from broker.texts import text
from tokens import lifecycle, probe, scrub, unknown_answers
from tokens.channels import gate, registry, shares
from tokens.channels.http import Limit
from tokens.channels.kinds import HARMLESS, AccessCheck, Answer, Classification, Reason, Verdict
from tokens.clock import Clock
from tokens.models import ChannelApp, Doubt, Token
from tokens.vault import VaultError
from users import hold

Action = Literal["none", "retry_with", "retry_later", "hold"]

UNDECIDED = HARMLESS | {Verdict.APP_FAULT, Verdict.CONFIRM_FIRST, Verdict.OUR_BUG}
RETRY_AFTER = 30
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
    region: str | None
    last_used_at: datetime | None  # None: never, too
    client_id: str | None


_READ = """
select a.channel, a.native_id, a.team_id, t.generation, t.state, t.reason, t.region, t.last_used_at, app.client_id
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
    hold.refuse()
    row = _read(claims)
    if row is None or not caller.reaches(channel=row.channel, team_id=row.team_id):
        raise NotFound(text("no_lease"))
    answer = Answer(call="api", status=status, body=body)
    classification = registry.get(row.channel).classify(answer)
    if classification.verdict == Verdict.OK:
        _note_success(claims, row, method, now)
        return ReportAnswer(Verdict.OK, "none")
    return _look_into(caller, claims, row, answer, classification, now)


def _read(claims: Claims) -> _ReportedRow | None:
    found = prepared.read(_READ, [claims.token_id, claims.account_id])
    return _ReportedRow(*found[0]) if found else None


def _note_success(claims: Claims, row: _ReportedRow, method: str, now: datetime) -> None:
    """Note, once an hour, that the token is in use, and that the channel no longer refuses this person's writes where it took one."""
    if is_use_due(row.last_used_at, now):
        lifecycle.note_use(token_id=claims.token_id, now=now)
    if method in WRITES and claims.purpose == "publish":  # a report may be asked for by POST
        write_refusals.lift(account_ids=[claims.account_id], token_ids=[claims.token_id], now=now)


def _look_into(
    caller: Caller,
    claims: Claims,
    row: _ReportedRow,
    answer: Answer,
    classification: Classification,
    now: datetime,
) -> ReportAnswer:
    """Say what to do after an answer that is no success. Raises NotFound."""
    evidence = scrub.evidence(call=answer.call, status=answer.status, body=answer.body)
    _keep_unknown(caller, claims, classification, evidence, now)
    if row.generation != claims.generation:
        return _next(caller, claims, row, classification, now)
    if row.state == Token.State.DEAD:
        return _next(caller, claims, row, _confirmed(row.reason or ""), now)
    if classification.verdict == Verdict.OUR_BUG:
        return ReportAnswer(classification.verdict, "none", detail=text("about_the_request"))
    if classification.verdict in HARMLESS:
        return ReportAnswer(
            classification.verdict, "retry_later", retry_after=classification.retry_after or RETRY_AFTER
        )
    return _confirm(caller, claims, row, classification, evidence, now)


def _keep_unknown(
    caller: Caller,
    claims: Claims,
    classification: Classification,
    evidence: dict[str, Any],
    now: datetime,
) -> None:
    """Keep an answer that nobody knows, for staff; of a token that is gone nothing is kept."""
    if not classification.unknown:
        return
    app = ChannelApp.objects.filter(tokens=claims.token_id).first()
    if app is not None:
        unknown_answers.keep(
            app, classification, evidence, token_id=claims.token_id, now=now, api_key=caller.key_id
        )


def _confirm(
    caller: Caller,
    claims: Claims,
    row: _ReportedRow,
    classification: Classification,
    evidence: dict[str, Any],
    now: datetime,
) -> ReportAnswer:
    """Ask the channel ourselves, where it can be asked now: there is no waiting for a channel that is away.

    Where the same was reported a moment ago, what was found then is the answer.
    """
    if asked := asked_lately.recall(claims, classification.verdict, now):
        return _go_by(caller, claims, row, classification, asked, now)
    if wait := gate.closed_for(row.channel, row.client_id or "", row.region or ""):
        return ReportAnswer(Verdict.TRANSIENT, "retry_later", retry_after=wait)
    try:
        with shares.taken(row.channel):
            return _ask(caller, claims, row, classification, evidence, now)
    except shares.NoRoom:
        return ReportAnswer(Verdict.TRANSIENT, "retry_later", retry_after=shares.AGAIN_AFTER)


def _ask(
    caller: Caller,
    claims: Claims,
    row: _ReportedRow,
    classification: Classification,
    evidence: dict[str, Any],
    now: datetime,
) -> ReportAnswer:
    """Ask first about the token, then about the account. Raises NotFound where that went away meanwhile."""
    token = Token.objects.select_related("app").filter(pk=claims.token_id).first()
    account = Account.objects.filter(pk=claims.account_id).first()
    if account is None:
        raise NotFound(text("no_lease"))
    if token is None:
        return _next(caller, claims, row, classification, now)
    limit, clock = Limit(settings.REPORT_PROBE_TIMEOUT), Clock(now)
    outcome = probe.probe(token.pk, now=now, source="report", timeout=settings.REPORT_PROBE_TIMEOUT)
    if outcome.state == Token.State.DEAD:
        return _next(caller, claims, row, _confirmed(outcome.reason), now)
    doubt = token.doubts.undecided().filter(about="").first()
    if outcome.verdict == Verdict.TOKEN_DEAD and doubt is not None:
        return _next(caller, claims, row, _confirmed(doubt.reason), now)
    if outcome.state != Token.State.VALID or outcome.generation != claims.generation:
        return _next(caller, claims, row, classification, now)
    if outcome.verdict != Verdict.OK:
        wait = slow_leases.RENEWED_WITHIN if outcome.waits else RETRY_AFTER
        return ReportAnswer(outcome.verdict, "retry_later", retry_after=wait)
    found = read_account(account, token, clock=clock, limit=limit)
    if found.classification.verdict == Verdict.APP_FAULT and is_served_by_another(
        account, token, clock=clock, limit=limit
    ):
        return _next(caller, claims, row, found.classification, now)
    undecided = found.classification.verdict in UNDECIDED
    undecided = undecided or access_doubts.is_doubted(token.pk, account.native_id, Doubt.Kind.RESTRICTION)
    asked = Asked.of(found, decided=not undecided)
    asked_lately.keep(claims, classification.verdict, asked, now)
    answer = _go_by(caller, claims, row, classification, asked, now)
    if answer.action == "none":
        lifecycle.record_dispute(token=token, evidence=evidence, now=now, source="report")
    return answer


def _go_by(
    caller: Caller,
    claims: Claims,
    row: _ReportedRow,
    classification: Classification,
    asked: Asked,
    now: datetime,
) -> ReportAnswer:
    """Answer by what our own question found of a token that works, now or a moment ago. A refused write is a word each time."""
    if not asked.decided:
        return ReportAnswer(asked.verdict, "retry_later", retry_after=RETRY_AFTER)
    if claims.purpose == "publish":
        write_refusals.take(
            token=Token(pk=claims.token_id, generation=claims.generation),
            account_id=claims.account_id,
            api_key=caller.key_id,
            leased_at=claims.issued_at,
            classification=classification,
            read=asked.as_read(row.native_id),
            now=now,
        )
    return _next(caller, claims, row, classification, now, works=asked)


def _confirmed(reason: str) -> Classification:
    """Return what our own question found: it says more than the answer that made us ask."""
    return Classification(Verdict.TOKEN_DEAD, Reason(reason) if reason in set(Reason) else Reason.UNKNOWN)


def _next(
    caller: Caller,
    claims: Claims,
    row: _ReportedRow,
    classification: Classification,
    now: datetime,
    works: Asked | None = None,
) -> ReportAnswer:
    """Give the account's present lease for the purpose of the one that was reported, or say why there is none.

    `works`: what was found of the token that was reported, where that decided. Where that one serves still, another lease of it would be
    answered the same, so none is given: there is nothing to do where it works, else the job comes back. So it does with a known
    refusal of a write that shifted nothing.
    """
    reason = str(classification.reason or "")
    try:
        serves = leases.serving(caller, row.channel, row.native_id, now, claims.purpose, now)
        if (serves.token_id, serves.generation) == (claims.token_id, claims.generation):
            if works is None:
                return ReportAnswer(
                    classification.verdict, "retry_later", reason=reason, retry_after=RETRY_AFTER
                )
            if claims.purpose == "publish" and write_refusals.known_reason(classification):
                said, wait = text("not_believed"), int(write_refusals.KNOWN_EVERY.total_seconds())
                return ReportAnswer(classification.verdict, "retry_later", reason, said, retry_after=wait)
            about = text("about_the_request")
            return ReportAnswer(works.verdict, "none", reason=str(works.reason or ""), detail=about)
        fresh = leases.hand_out(caller, serves, claims.purpose, now)
    except NotAvailable as held:
        return ReportAnswer(classification.verdict, "hold", reason=held.reason, held=held)
    except Busy as busy:
        return ReportAnswer(
            classification.verdict, "retry_later", reason=reason, retry_after=busy.retry_after
        )
    return ReportAnswer(classification.verdict, "retry_with", reason=reason, lease=fresh)


logger = logging.getLogger(__name__)

SOURCE = "report"


def read_account(account: Account, token: Token, *, clock: Clock, limit: Limit) -> AccessCheck:
    """Read the ad account with a token, and write what was found. Raises VaultError or ValueError where the credentials do not open."""
    token = Token.objects.select_related("app").get(pk=token.pk)
    asked_at = clock.read()
    facts = pool_entries.facts_of(token, [account.pk])
    asked = [(account.pk, account.native_id)]
    found = account_sync.read(token, asked, facts=facts, timeout=limit.left())
    now = clock.read()
    account_sync.record(token, found, now=now, source=SOURCE, asked_at=asked_at, answered_at=now)
    return found.readings[account.pk]


def is_served_by_another(account: Account, token: Token, *, clock: Clock, limit: Limit) -> bool:
    """Return whether an answer that blamed our app is this token's, so that another one is served now.

    Another token of the pool is asked the same; where it is answered, this one is asked once more. What the answers say of the app and of
    the tokens is written, and settles the pool. As long as there is time.
    """
    witness = _witness(account, token)
    try:
        if witness and not limit.over:
            answer = read_account(account, witness, clock=clock, limit=limit)
            if answer.classification.verdict == Verdict.OK and not limit.over:
                read_account(account, token, clock=clock, limit=limit)
    except (VaultError, ValueError) as error:
        logger.warning("token %s could not be asked about account %s: %s", token.pk, account.pk, error)
    return Account.objects.filter(pk=account.pk).exclude(active_token=token.pk).exists()


def _witness(account: Account, token: Token) -> Token | None:
    """Return the next token of the pool that is served under the same app and was not blamed itself."""
    entries: list[AccountToken] = selection.in_order(account)
    return next(
        (
            entry.token
            for entry in entries
            if entry.is_usable
            and entry.token_id != token.pk
            and entry.token.app_id == token.app_id
            and entry.token.demoted_at is None
        ),
        None,
    )
