"""A state's word, colour and icon, by family and key. Whoever knows a state hands over its key; nobody else makes a pill."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

FAMILIES = {
    # accounts.pool.health.Health: the one state of an account, worst first
    "account": {
        "paused": (_("Paused"), "mute", "pause_circle"),
        "interrupted": (_("Interrupted"), "warn", "sync"),
        "deactivated": (_("Deactivated"), "bad", "cancel"),
        "restricted": (_("Restricted"), "limit", "block"),
        "urgent": (_("Urgent"), "urgent", "warning"),
        "at_risk": (_("At risk"), "warn", "schedule"),
        "no_backup": (_("No backup"), "warn", "person"),
        "date_unknown": (_("Date unknown"), "mute", "help"),
        "healthy": (_("Healthy"), "good", "check_circle"),
    },
    # accounts.pool.health.InPool: what a token does in one account's pool
    "token": {
        "active": (_("Active"), "accent", "bolt"),
        "backup": (_("Backup"), "good", "check_circle"),
        "retrying": (_("Retrying"), "warn", "sync"),
        "read_only": (_("Read only"), "mute", "visibility"),
        "no_access": (_("No access"), "mute", "lock"),
        "stopped": (_("Stopped"), "bad", "cancel"),
        "not_linked": (_("Not linked"), "mute", "link"),  # it works, and is in no account's pool
    },
    # a log-in as its own person sees it
    "log_in": {
        "works": (_("Works"), "good", "check_circle"),
        "checking": (_("Checking"), "warn", "sync"),
        "limited": (_("Limited"), "warn", "lock"),
        "stopped": (_("Stopped"), "bad", "cancel"),
    },
    # notifications.models.Message.State, and "left_out": the mail went out without this account
    "message": {
        "queued": (_("Queued"), "mute", "schedule"),
        "sending": (_("Sending"), "mute", "schedule"),
        "sent": (_("Sent"), "good", "check_circle"),
        "failed": (_("Failed"), "bad", "cancel"),
        "cancelled": (_("Cancelled"), "mute", "block"),
        "left_out": (_("Skipped"), "mute", "block"),
    },
    # accounts.asks.models.AskLine.Stage
    "ask_line": {
        "waiting": (_("To be asked"), "mute", "schedule"),
        "sent": (_("Sent"), "mute", "mail"),
        "opened": (_("Opened"), "mute", "visibility"),
        "at_channel": (_("At the channel"), "accent", "open_in_new"),
        "done": (_("Done"), "good", "check_circle"),
        "failed": (_("Failed"), "bad", "cancel"),
        "not_askable": (_("Cannot be asked"), "warn", "block"),
        "left": (_("Not done"), "warn", "schedule"),
        "declined": (_("Declined"), "warn", "block"),
    },
    "ask": {
        "running": (pgettext_lazy("campaign", "Running"), "accent", "sync"),
        "over": (pgettext_lazy("campaign", "Over"), "mute", "check"),
    },
    # users.models.RefusedAddress.Why
    "parked": {
        "refused": (_("Refused"), "warn", "block"),
        "bounced": (_("Comes back"), "bad", "cancel"),
        "stopped": (_("Unsubscribed"), "bad", "block"),
        "complained": (_("Marked as spam"), "bad", "warning"),
    },
    "api_key": {
        "works": (_("Works"), "good", "check_circle"),
        "ends_soon": (_("Ends soon"), "warn", "schedule"),
        "ended": (_("Ended"), "bad", "cancel"),
        "revoked": (_("Revoked"), "mute", "block"),
    },
    "answer": {
        "unknown": (_("Unknown"), "warn", "help"),
    },
    # tokens.models.ChannelApp.State
    "channel_app": {
        "live": (_("Live"), "good", "check_circle"),
        "retiring": (_("Retiring"), "mute", "schedule"),
        "not_set_up": (_("Not set up"), "mute", "block"),
    },
    "invitation": {
        "waiting": (_("Waiting"), "warn", "schedule"),
        "accepted": (_("Accepted"), "good", "check_circle"),
        "revoked": (_("Revoked"), "mute", "block"),
        "ran_out": (_("Ran out"), "mute", "cancel"),
    },
    "app": {
        "refused": (_("Refused"), "bad", "cancel"),
    },
    "version": {
        "ends": (_("Version ends"), "warn", "schedule"),
        "ended": (_("Version ended"), "bad", "cancel"),
    },
    "publishing": {
        "shifted": (_("Shifted"), "warn", "swap_horiz"),
    },
}


@dataclass(frozen=True)
class Pill:
    """A state as a word, a colour of tokens.css (`tone`) and an icon of icons.svg."""

    label: str
    tone: str
    icon: str


def pill(family: str, key: str, *, label: str = "") -> Pill:
    """Return the pill of a state, in the language of the reader. `label` says more where the state is a date: "2 days left".

    Raises KeyError for a state that is not in FAMILIES.
    """
    word, tone, icon = FAMILIES[family][key]
    return Pill(label or str(word), tone, icon)
