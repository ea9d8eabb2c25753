"""What a reader does from the digest of a busy day, as from each warning that it tells: stop or snooze them, or say "I am on it"."""

from macros import on_it, opt_outs
from notifications.models import Message
from ui import addresses


def foot(message: Message) -> dict[str, str]:
    """Return the addresses of a digest's foot by the names that mails have for them, without those that lead to nothing. Secrets."""
    signed = opt_outs.sign(message)
    found = {}
    if opt_outs.may_stop(message):
        found = {
            "stop_url": addresses.absolute_url("stop_mails", signed),
            "snooze_url": addresses.absolute_url("snooze_mails", signed),
        }
    if not opt_outs.only_looks(message) and on_it.deadlines_of(message):
        found["on_it_url"] = addresses.absolute_url("on_it", signed)
    return found
