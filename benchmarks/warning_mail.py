"""The warning mail: of one account and of a thousand, beside the frame and the rows that it cannot do without; and one explanation."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from accounts.models import Account, AccountToken
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.parts import Run
from macros.models import Macro, MacroAction, Notice
from macros.warnings import mails
from macros.warnings.revalidation import LOADED, StillSaid
from notifications.models import Message
from tokens.token import reasons
from ui.mails import render

MANY = 1_000
CPU = "CPU, milliseconds"
READER = "reader@example.com"  # an address outside, which reads all names


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled; nothing is written."""
    accounts, now, rounds = run.accounts, run.now, run.rounds
    section = Section(f"Warning mail, {accounts:,} accounts, {rounds} rounds")
    action = MacroAction(macro=Macro(name="Warn"))
    found = Account.objects.filter(deadline__isnull=False).select_related("team").order_by("pk")[:MANY]
    notices = [
        Notice(action=action, account=one, team_id=one.team_id, threshold=7, recipient=READER)
        for one in found
    ]
    looked_at = [notice.account_id for notice in notices[:LOADED]]

    def mail(some: list[Notice]) -> None:
        still = StillSaid(some[:LOADED], len(some[LOADED:]))
        mails.compose_mail(still, Message(kind="macro", recipient=READER), now=now)

    contenders: dict[str, Contender] = {
        "a mail of one account": lambda: _timed(lambda: mail(notices[:1]), times=20),
        "  floor: the frame, without a card": lambda: _timed(_frame, times=20),
        f"a mail of {len(notices):,} accounts": lambda: _timed(lambda: mail(notices), times=3),
        f"  floor: read {len(looked_at):,} accounts and their pools": lambda: _timed(
            lambda: _read(looked_at), times=3
        ),
        "1,000 explanations, read whole": lambda: _timed(_explain, times=3),
    }
    section.results = interleave(contenders, rounds=rounds)
    return [section]


def _timed(call: Callable[[], object], *, times: int) -> Figures:
    """Return the CPU milliseconds of this process for one call, the first and cold one apart."""
    call()
    began = time.process_time()
    for _ in range(times):
        call()
    return {CPU: (time.process_time() - began) * 1_000 / times}


def _frame() -> None:
    render("test", {"because": "", "at": "", "host": ""}, zone=ZoneInfo("UTC"))


def _read(ids: list[int]) -> None:
    list(Account.objects.filter(pk__in=ids).values_list("name", "native_id", "deadline", "team__name"))
    list(
        AccountToken.objects.filter(account__in=ids).values_list(
            "access", "rank", "token__state", "token__deadline", "token__consented_by__name"
        )
    )


def _explain() -> None:
    for number in range(1_000):
        one = reasons.explain("x", "expired", person=f"Ada {number}", account="Sable", you=True)
        _ = one.short, one.what, one.who, one.steps, one.causes, one.waits_for
