"""Questions of our own about a reported ad account: how the log-in reaches it, and whose fault it is where the answer blames our app."""

import logging

from accounts import account_sync, pool_entries, selection
from accounts.models import Account, AccountToken
from tokens.channels.http import Limit
from tokens.channels.kinds import AccessCheck, Verdict
from tokens.clock import Clock
from tokens.models import Token
from tokens.vault import VaultError

logger = logging.getLogger(__name__)

SOURCE = "report"


def read(account: Account, token: Token, *, clock: Clock, limit: Limit) -> AccessCheck:
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
            answer = read(account, witness, clock=clock, limit=limit)
            if answer.classification.verdict == Verdict.OK and not limit.over:
                read(account, token, clock=clock, limit=limit)
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
            if selection.usable(entry)
            and entry.token_id != token.pk
            and entry.token.app_id == token.app_id
            and entry.token.demoted_at is None
        ),
        None,
    )
