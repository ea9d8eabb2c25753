"""What happens to a token (`tokens.token`). The only writer of its state, dates and generation.

Every function here runs in a transaction of its own or of its caller, locks the token first, and sends `tokens_changed` once, inside the
transaction, where the pools must be settled. `store_consent` is the exception: its caller settles, because it changes the pools too.
"""

from tokens.lifecycle.consents import (
    Imported,
    NotAsSeen,
    claim_removed,
    note_linked,
    record_revoked,
    remove,
    store_consent,
    store_imported,
    wipe_all,
)
from tokens.lifecycle.renewals import (
    WISHED,
    begin_refresh,
    call_off_refresh,
    end_refresh,
    have_accounts_read,
    keep_answer,
    note_lost_answer,
    record_refusal,
    record_renewal,
    record_renewal_trouble,
    want_refresh,
)
from tokens.lifecycle.services import (
    TransitionOutcome,
    note_use,
    postpone,
    record_dispute,
    record_inspection,
)

__all__ = [
    "WISHED",
    "Imported",
    "NotAsSeen",
    "TransitionOutcome",
    "begin_refresh",
    "call_off_refresh",
    "claim_removed",
    "end_refresh",
    "have_accounts_read",
    "keep_answer",
    "note_linked",
    "note_lost_answer",
    "note_use",
    "postpone",
    "record_dispute",
    "record_inspection",
    "record_refusal",
    "record_renewal",
    "record_renewal_trouble",
    "record_revoked",
    "remove",
    "store_consent",
    "store_imported",
    "want_refresh",
    "wipe_all",
]
