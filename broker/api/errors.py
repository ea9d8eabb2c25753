"""What the broker refuses, as a problem (RFC 9457): of a whole request, or of one account of a batch."""

from typing import Any

from broker.api.codes import Code
from broker.api.schemas import Problem
from broker.leases.errors import (
    BrokerError,
    BrokerRefused,
    Busy,
    Failed,
    LeaseOver,
    NotAvailable,
    NotPossible,
)
from broker.leases.texts import text
from tokens.vault.services import NothingStored, VaultError

OUT_OF_ORDER_FOR = 300  # seconds; only an operator helps


def problem_of(error: BrokerError | VaultError) -> Problem:
    """Return the problem that an error of the broker is answered with."""
    match error:
        case NotAvailable():
            return held_problem(error)
        case Busy():
            return problem(Code.BUSY, str(error), retry_after=error.retry_after)
        case LeaseOver():
            return problem(Code.LEASE_OVER, str(error))
        case BrokerRefused():
            return problem(Code.NOT_SIGNED, str(error))
        case NotPossible():
            return problem(Code.NOT_POSSIBLE, str(error))
        case VaultError():
            detail = text("no_secret" if isinstance(error, NothingStored) else "does_not_open")
            return problem(Code.OUT_OF_ORDER, detail, retry_after=OUT_OF_ORDER_FOR)
        case Failed():
            return problem(Code.OUR_FAULT, Code.OUR_FAULT.meaning)
        case _:
            return problem(Code.NOT_FOUND, str(error))


def held_problem(held: NotAvailable) -> Problem:
    """Return the problem that says why only a person can help."""
    nobody = held.reason == "min_valid_for" and not held.steps
    return problem(
        Code.NEVER_SO_LONG if nobody else Code.PERSON_NEEDED,
        held.detail,
        reason=held.reason or None,
        since=held.since,
        who=list(held.who),
        steps=list(held.steps),
    )


def problem(code: Code, detail: str, **more: Any) -> Problem:
    """Return a problem. `more`: further fields of it, `status` where it is not the code's own."""
    facts = {
        "type": code.reference,
        "code": code.value,
        "title": code.heading,
        "status": code.status,
        "detail": detail,
    }
    return Problem.model_validate(facts | more)
