"""The one piece of news that travels upward.

`tokens_changed(token_ids, cause, now, source, actor)` is sent by tokens.lifecycle once per transaction, inside it,
with all ids. Exactly one receiver: accounts settles the pools. A process that starts without it refuses to start (accounts.apps).
"""

from django.dispatch import Signal

tokens_changed = Signal()
