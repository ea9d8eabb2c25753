"""The table of log-ins. Its rows are written by `users.sessions.receivers` and by nobody else."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ui import phrases

# --- how people call the browser that a User-Agent header names. Nothing is decided by it: a browser may claim to be another one.

# The first that is found counts: Edge and Opera also say Chrome, Chrome also says Safari, an iPhone also says Mac OS X.
_PROGRAMS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_DEVICES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
LENGTH = 90


def name_of_browser(agent: str) -> str:
    """Return "Chrome on Windows" for a User-Agent header; of others the start as it is, "" for none."""
    program = next((name for sign, name in _PROGRAMS.items() if sign in agent), "")
    device = next((name for sign, name in _DEVICES.items() if sign in agent), "")
    if not program:
        return agent if len(agent) <= LENGTH else f"{agent[: LENGTH - 1]}…"
    if not device:
        return program
    return gettext("%(program)s on %(device)s") % {"program": program, "device": device}


BROWSER_LENGTH = 200


_WORDS = "words/login_records.txt"
_AGAIN, _BY = "+again", "|"


class Detail(StrEnum):
    """What a row says besides its kind. A second factor says its type, a change of a log-in its `login_changes.Kind`."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a code, no password
    TOO_MANY_WRONG_PASSWORDS = "too_many_wrong_passwords"
    ASKED_AGAIN = "asked_again"
    WRONG_FACTOR = "wrong_factor"
    COMPANY = "company"  # a second factor that the company's log-in asked for
    COMPANY_REFUSED = "company_refused"
    ENDED_ELSEWHERE = "ended_elsewhere"  # a log-out: of one other browser of the person
    ENDED_EVERYWHERE_ELSE = "ended_everywhere_else"

    @staticmethod
    def of_factor(kind: str, *, again: bool) -> str:
        """Return the detail of a second factor of the library's `kind`; `again`: in a session that was logged in already."""
        return f"{kind}{_AGAIN}" if again else kind

    @staticmethod
    def of_change(kind: str, *, by: str) -> str:
        """Return the detail of a change; `by` is the e-mail address of who did it, "" for the person."""
        return f"{kind}{_BY}{by}" if by else kind


class LoginRecord(models.Model):
    """One event at the door. No foreign key binds it: rows outlive the people, and are not changed when one is deleted."""

    class Kind(models.TextChoices):
        LOG_IN = "log_in", pgettext_lazy("at AdToken", "Log-in")
        LOG_OUT = "log_out", _("Log-out")
        PASSWORD = "password", _("Password")  # a kind
        FACTOR = "factor", _("Second factor")
        CHANGE = "change", _("Change")
        LINKING = "linking", _("Way back from a channel")

    at = models.DateTimeField()
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    succeeded = models.BooleanField(_("succeeded"))
    user = models.ForeignKey(
        "users.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    email = models.CharField(
        max_length=254, blank=True, help_text=_("The address that was typed, or the person's at that time.")
    )
    address = models.GenericIPAddressField(pgettext_lazy("of a computer", "address"), null=True)
    browser = models.CharField(_("browser"), max_length=BROWSER_LENGTH, blank=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("log-in")
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"], name="loginrecord_of_person")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.email or 'somebody'}"

    @property
    def event(self) -> str:
        """The event in a few words, for pages."""
        kind = str(self.get_kind_display())
        return f"{kind}: {self._detail_in_words()}" if self.detail else kind

    def _detail_in_words(self) -> str:
        """Return the words of the code. What is no code is shown as it is: English of rows from before, and what other apps wrote."""
        code, _, by = self.detail.partition(_BY)
        name = code.removesuffix(_AGAIN)
        if name not in phrases.blocks(_WORDS):
            return self.detail
        what = phrases.phrase(_WORDS, name, again=code != name)
        return phrases.phrase(_WORDS, "done_by", what=what, by=by) if by else what

    @property
    def browser_name(self) -> str:
        """The browser as people call it; "" where none is known."""
        return name_of_browser(self.browser)
