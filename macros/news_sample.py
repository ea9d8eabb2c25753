"""The mail of what a macro tells at once, about one account as if that had just happened: made of rows that are never stored."""

from datetime import datetime

from accounts.mails import mailing
from accounts.models import Account, AccountEvent
from macros import news_mail
from macros.models import Macro, MacroAction, NewsNotice
from notifications.kinds import Mail
from notifications.models import Message
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.recipients import Via

WORDS = "words/macro_preview.txt"
_NEWEST = 2**62  # the number of an event that comes after all others
_EVENT_OF = {
    MacroAction.Kind.SHIFTED: AccountEvent.Kind.SHIFTED,
    MacroAction.Kind.RECOVERED: AccountEvent.Kind.CONNECTED,
    MacroAction.Kind.RESTRICTED: AccountEvent.Kind.RESTRICTED,
}


def mail(
    action: MacroAction,
    account: Account,
    *,
    recipient: str,
    now: datetime,
    via: Via = Via.DIRECT,
    test: bool = False,
    names: NameVisibility | None = None,
) -> Mail:
    """Return the mail of this action, of a kind that `macro_news` tells, to a reader, who asked for it where it is a `test`.

    `names`: see `mails.compose`.
    """
    if action.kind == MacroAction.Kind.RESTRICTED and not account.restriction:
        account.restriction = phrase(WORDS, "sample_restriction")
    macro = Macro(name=action.macro.name)
    notice = NewsNotice(
        action=MacroAction(macro=macro),
        account=account,
        team_id=account.team_id,
        kind=action.kind,
        via=via,
    )
    message = Message(recipient=recipient)
    reader = mailing.reader_of(message)
    if names is not None:
        known = reader.user is not None and names.knows(reader.user)
        reader = mailing.ReaderWithNames(reader.user if known else None, names)
    return news_mail.compose([notice], [_group(action, account, now)], message, reader, {"test": test})


def _group(action: MacroAction, account: Account, now: datetime) -> news_mail.Group:
    if action.kind == MacroAction.Kind.FEW_PEOPLE:
        return news_mail.Group(
            action.kind,
            [account],
            people=min(account.people_count, (action.people or 1) - 1),
            within=0 if account.people_count < (action.people or 0) else action.within or 0,
            wanted=action.people or 0,
        )
    event = AccountEvent(
        pk=_NEWEST,
        account=account,
        kind=_EVENT_OF[MacroAction.Kind(action.kind)],
        token=account.active_token,
        at=now,
    )
    if action.kind == MacroAction.Kind.SHIFTED:
        before = account.pool.exclude(token=account.active_token_id).order_by("rank", "pk").first()
        event.from_token_id = before.token_id if before else None
    return news_mail.Group(action.kind, [account], event)
