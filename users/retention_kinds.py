"""The kinds of history that are kept for a time: what they are, how long they are kept by default, and the bounds of that."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrPromise

MOST = 3_650  # days: ten years


@dataclass(frozen=True)
class Kind:
    """One kind. `usual` and `least` are days; administrators choose anything between `least` and MOST."""

    name: StrPromise
    what: StrPromise
    usual: int
    least: int


ROUTINE, HISTORY, TEXTS, MESSAGES, NOTICES, HAND_OUTS, LOG_INS = (
    "routine", "history", "texts", "messages", "notices", "hand_outs", "log_ins",
)  # fmt: skip
KINDS = {
    ROUTINE: Kind(
        _("Renewals and checks"),
        _("Renewals of log-ins, and dates that a check found: most of the rows."),
        30,
        7,
    ),
    HISTORY: Kind(_("Time-lines"), _("What else happened to social accounts and log-ins."), 400, 90),
    TEXTS: Kind(_("Texts of mails"), _("What a mail said. Subject, reader and outcome stay."), 90, 7),
    MESSAGES: Kind(_("Mails"), _("To whom a mail went, about what, and what became of it."), 400, 90),
    NOTICES: Kind(
        _("What people were told"),
        _("What macros found, their daily runs, and notices that are over."),
        400,
        90,
    ),
    HAND_OUTS: Kind(
        _("Tokens handed out"), _("Which publishing system took which token, and when."), 400, 400
    ),
    LOG_INS: Kind(
        pgettext_lazy("at AdToken", "Log-ins"), _("Who logged in, from where, and who failed to."), 400, 30
    ),
}
