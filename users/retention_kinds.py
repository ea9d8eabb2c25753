"""The kinds of history that are kept for a time: what they are, how long they are kept by default, and the bounds of that."""

from dataclasses import dataclass

MOST = 3_650  # days: ten years


@dataclass(frozen=True)
class Kind:
    """One kind. `usual` and `least` are days; administrators choose anything between `least` and MOST."""

    name: str
    what: str
    usual: int
    least: int


ROUTINE, HISTORY, TEXTS, MESSAGES, NOTICES, INCIDENTS, HAND_OUTS, LOG_INS = (
    "routine", "history", "texts", "messages", "notices", "incidents", "hand_outs", "log_ins",
)  # fmt: skip
KINDS = {
    ROUTINE: Kind(
        "Renewals and checks", "Renewals of log-ins, and dates that a check found: most of the rows.", 30, 7
    ),
    HISTORY: Kind("Time-lines", "What else happened to social accounts and log-ins.", 400, 90),
    TEXTS: Kind("Texts of mails", "What stood in a mail. Subject, reader and outcome stay.", 90, 7),
    MESSAGES: Kind("Mails", "To whom a mail went, about what, and what became of it.", 400, 90),
    NOTICES: Kind(
        "What people were told", "What macros found, their daily runs, and notices that are over.", 400, 90
    ),
    INCIDENTS: Kind("Incidents", "Incidents that are over, and the answers that led to them.", 180, 30),
    HAND_OUTS: Kind("Tokens handed out", "Which publishing system took which token, and when.", 400, 400),
    LOG_INS: Kind("Log-ins", "Who logged in, from where, and who failed to.", 400, 30),
}
