"""Every problem that the API answers, in one list: its code, its status, and what a caller makes of it.

A code is a promise: it is compared by programs, so it is neither renamed nor given another meaning.
"""

from enum import StrEnum

ADDRESS = "/api/v1/problems/"  # of each problem's entry. Below the installation, so that it is the same at all of them


class Code(StrEnum):
    """A problem by its stable name, with its status, its title and its meaning."""

    status: int
    heading: str
    meaning: str

    def __new__(cls, value: str, status: int, title: str, meaning: str) -> "Code":
        """Make one of what is written below."""
        made = str.__new__(cls, value)
        made._value_, made.status, made.heading, made.meaning = value, status, title, meaning
        return made

    UNREADABLE = (
        "unreadable",
        400,
        "Not readable",
        "The request is not well formed: its host, a header, or a body that is no JSON.",
    )
    NOT_SIGNED = "not_signed", 400, "Not possible", "This request is not signed: `detail` says what is."
    REFUSED = "refused", 400, "Not possible", "Refused, for none of the reasons that have a code."
    NO_KEY = (
        "no_key",
        401,
        "Not authenticated",
        "No API key was sent, or one that is wrong, revoked or past its last day.",
    )
    HTTPS_ONLY = (
        "https_only",
        403,
        "HTTPS only",
        "The call came by plain HTTP. Its key has travelled in clear: make a new one, and use https.",
    )
    SCOPE_MISSING = (
        "scope_missing",
        403,
        "Scope missing",
        "The API key lacks the scope of this call. Make a key that has it.",
    )
    NOT_ALLOWED = "not_allowed", 403, "Not allowed", "This is not allowed."
    NOT_FOUND = (
        "not_found",
        404,
        "Not found",
        "There is none, or it is outside of the key's teams and channels.",
    )
    UNKNOWN_ADDRESS = "unknown_address", 404, "Not found", "No operation has this address."
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        405,
        "Method not allowed",
        "The address does not take this method; `Allow` names those that it takes.",
    )
    PERSON_NEEDED = (
        "person_needed",
        409,
        "Only a person can help",
        "Only a person can help: `reason`, `since`, `who` and `steps` say how. Show them to people.",
    )
    NEVER_SO_LONG = (
        "never_so_long",
        409,
        "Not possible",
        "No token of the channel ever lives as long as `min_valid_for`: ask for less.",
    )
    NOT_POSSIBLE = (
        "not_possible",
        409,
        "Not possible",
        "The key or whoever made it may not do this, or it cannot be done as things are; `detail` says why.",
    )
    STILL_RUNNING = (
        "still_running",
        409,
        "Still running",
        "The first call with this Idempotency-Key is not done yet. Send it again after `retry_after` seconds.",
    )
    LEASE_OVER = (
        "lease_over",
        410,
        "The lease is over",
        "The lease is too old, or its token has changed or left the account. Get a new lease.",
    )
    TOO_LARGE = (
        "too_large",
        413,
        "Too large",
        "The body is larger than 256 kB. Of a report, the status and the error itself will do.",
    )
    NOT_VALID = (
        "not_valid",
        422,
        "Not valid",
        "Fields, parameters or headers are wrong, unknown, or given twice; `errors` names each.",
    )
    KEY_REUSED = (
        "idempotency_key_reused",
        422,
        "Idempotency-Key used before",
        "This Idempotency-Key came with another call within 24 hours. Use a new one for each deed.",
    )
    TOO_MANY = (
        "rate_limited",
        429,
        "Too many calls",
        "Too many calls with this API key. Send it again after `retry_after` seconds.",
    )
    OUR_FAULT = "internal_error", 500, "Our fault", "Something broke on our side; nothing was handed out."
    BUSY = (
        "busy",
        503,
        "We are checking",
        "Tokens are being checked or renewed, or what is handed out could not be recorded. Ask again after `retry_after` seconds.",
    )
    ON_HOLD = (
        "on_hold",
        503,
        "On hold",
        "The installation stands still on purpose, after a restore or by an operator. Ask again later.",
    )
    OUT_OF_ORDER = (
        "out_of_order",
        503,
        "Out of order",
        "Stored credentials do not open. Only an operator helps.",
    )
    UNAVAILABLE = (
        "unavailable",
        503,
        "Not now",
        "Not possible at the moment, such as a database that is away. Ask again after `retry_after` seconds.",
    )

    @property
    def reference(self) -> str:
        """Where its entry is: the `type` of the problem."""
        return f"{ADDRESS}{self.value}"
