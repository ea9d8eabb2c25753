"""News of this app that others act on. The layers above may not be imported here."""

from django.dispatch import Signal

# Sent inside the transaction that made an invitation or raised its number.
# Arguments: invitation (users.Invitation), now (datetime). Exactly one receiver writes the mail into the outbox.
invitation_issued = Signal()
