"""What the broker refuses, as a problem (RFC 9457): of a whole request, or of one account of a batch."""

from broker.api.schemas import Problem
from broker.leases.errors import (
    BrokerError,
    BrokerRefused,
    Busy,
    Failed,
    LeaseOver,
    NotAvailable,
    NotPossible,
    text,
)
from tokens.vault.services import NothingStored, VaultError

OUT_OF_ORDER_FOR = 300  # seconds; only an operator helps


def problem_of(error: BrokerError | VaultError) -> Problem:
    """Return the problem that an error of the broker is answered with."""
    match error:
        case NotAvailable():
            return held_problem(error)
        case Busy():
            return _problem(503, "title_busy", str(error), retry_after=error.retry_after)
        case LeaseOver():
            return _problem(410, "title_lease_over", str(error))
        case BrokerRefused():
            return _problem(400, "title_refused", str(error))
        case NotPossible():
            return _problem(409, "title_refused", str(error))
        case VaultError():
            detail = text("no_secret" if isinstance(error, NothingStored) else "does_not_open")
            return _problem(503, "title_out_of_order", detail, retry_after=OUT_OF_ORDER_FOR)
        case Failed():
            return _problem(500, "title_500", text("answered_500"))
        case _:
            return _problem(404, "title_404", str(error))


def held_problem(held: NotAvailable) -> Problem:
    """Return the problem that says why only a person can help."""
    nobody = held.reason == "min_valid_for" and not held.steps
    found = _problem(409, "title_refused" if nobody else "title_held", held.detail)
    return found.model_copy(
        update={
            "reason": held.reason or None,
            "since": held.since,
            "who": list(held.who),
            "steps": list(held.steps),
        }
    )


def _problem(status: int, title: str, detail: str, retry_after: int | None = None) -> Problem:
    return Problem(
        type="about:blank",
        title=text(title),
        status=status,
        detail=detail,
        reason=None,
        since=None,
        who=None,
        steps=None,
        retry_after=retry_after,
        errors=None,
    )
