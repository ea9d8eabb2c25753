"""News of this app that others act on. The layers above may not be imported here."""

from django.dispatch import Signal

# Sent inside the transaction that made an invitation or raised its number.
# Arguments: invitation (users.Invitation), now (datetime). Exactly one receiver writes the mail into the outbox.
invitation_issued = Signal()

# Somebody asked for a link that sets a new password. Nobody has looked yet whether the address is known.
# Arguments: email (str, lower case), now (datetime). Exactly one receiver writes the mail into the outbox.
password_reset_requested = Signal()

# A person has another e-mail address, whoever gave it to them. Sent inside the transaction that saves it; what goes by the old address
# (mails that wait, what its reader snoozed or stopped) goes along in it.
# Arguments: user (users.User, with the new address), old (str, lower case), now (datetime).
address_changed = Signal()

# Something that guards a log-in was changed. Sent by users.login.services.notify_change, in the transaction of the change.
# Arguments: change (users.login.services.LoginChange), now (datetime). Exactly one receiver writes the mail into the outbox.
login_changed = Signal()
