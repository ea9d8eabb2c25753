"""The two calls to a channel about a token: renewing it, asking how it stands. `tokens.lifecycle` records what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tokens.channels import gate, registry
from tokens.channels.http import NOT_SENT
from tokens.channels.kinds import ChannelError, Classification, Grant, Inspection, Reason, Verdict
from tokens.token.models import Token
from tokens.vault.services import VaultError


@dataclass(frozen=True)
class Attempt:
    """What one try gave: a grant, or the classification that says why there is none."""

    grant: Grant | None
    classification: Classification
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the channel refused this token, as against trouble on the way."""
        return self.grant is None and self.classification.verdict == Verdict.TOKEN_DEAD

    @property
    def not_asked(self) -> bool:
        """Whether the call was not made at all, because the channel was not to be asked just then."""
        return self.grant is None and gate.was_not_asked(self.evidence)

    @property
    def unanswered(self) -> bool:
        """Whether the call went out and nothing says what the channel did: no answer, one that broke off, trouble of its own."""
        status = self.evidence.get("status")
        if self.grant is not None or not isinstance(status, int):
            return False
        if self.not_asked or str(self.evidence.get("body")).startswith(NOT_SENT):
            return False
        return status in {0, 200} or status >= 500


def renew_at_channel(token: Token, *, timeout: float | None = None) -> Attempt:
    """Ask the channel to renew the token. Writes nothing and touches no database, so it may run in a thread. `timeout` in seconds."""
    try:
        grant = registry.get(token.app.channel).renew(token.app.keys(), token.unseal(), timeout=timeout)
    except ChannelError as error:
        return Attempt(None, error.classification, error.evidence)
    except (VaultError, ValueError) as error:
        return Attempt(
            None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error))
        )
    if grant is None:
        return Attempt(None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="nothing renews here"))
    return Attempt(grant, Classification(Verdict.OK, row="renewed"))


def inspect_at_channel(token: Token, *, timeout: float | None = None) -> Inspection:
    """Ask the channel about the token. Writes nothing; a token that cannot be asked about is our fault, not its death.

    `timeout` in seconds.
    """
    try:
        keys, credentials = token.app.keys(), token.unseal()
    except (VaultError, ValueError) as error:
        return Inspection(
            Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error))
        )
    return registry.get(token.app.channel).inspect(keys, credentials, timeout=timeout)
