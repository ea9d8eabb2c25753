"""Which mails a parked address gets all the same."""

from notifications.kinds import Kind
from notifications.models import Message
from users.recipients import operators


def holds_back(message: Message, kind: Kind) -> bool:
    """Return whether a message that was claimed is not sent, because its reader's address is parked.

    What is for its reader alone (a new password, an invitation) is sent: it is the way back, and nobody could stand in. Operators are
    mailed whatever became of the last mail: nobody comes after them.
    """
    return getattr(message, "parked", False) and not kind.to_parked and message.recipient not in operators()
