"""The card of a log-in in a mail: the accounts that use it, why it stopped or when it ends, and the button that renews it."""

from collections.abc import Collection
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.models import Account, AccountToken
from accounts.pool import reasons as pool_reasons
from accounts.pool import summary
from accounts.pool.mail_rows import Rows, row_of
from accounts.renewal_links import services as renewal_links
from tokens.channels import registry
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from tokens.token import reasons
from ui import addresses, dates
from ui.text import first_name
from users.models import User
from users.people.visibility import names_for

SHOWN = 10


def rows_of(token: Token, reader: User, *, first: Collection[int] = ()) -> Rows:
    """Return the accounts that use this log-in: those named first, then those that stopped, with what carries the others."""
    ids = AccountToken.objects.filter(token=token).values("account_id")
    accounts = Account.objects.filter(pk__in=ids)
    names = names_for(reader)
    rows = []
    for one in summary.first_of(accounts, timezone.now(), count=SHOWN, before=first):
        carriers = [entry.token for entry in one.usable if entry.token_id != token.pk]
        carrier = first_name(names.within(carriers[0], one.account)) if carriers else ""
        rows.append(row_of(one, carrier=carrier, zone=reader.zone))
    return Rows(rows, accounts.count())


def card(token: Token, rows: Rows, zone: ZoneInfo) -> dict[str, object]:
    """Return the facts of the card of a log-in, as templates/mail/_base/log_in_card.txt words them."""
    native = registry.get(token.app.channel)
    account = rows.shown[0].account
    entry = AccountToken.objects.select_related("token").get(account=account, token=token)
    explanation = reasons.explain(
        native.key,
        pool_reasons.entry_reason(entry),
        person=token.native_user_name,
        account=account.name,
        you=token.kind != Token.Kind.SYSTEM,
    )
    dead = token.state == Token.State.DEAD
    ends = token.deadline if not dead else None
    return {
        "rows": rows,
        "channel": native.label,
        "channel_key": native.key,
        "log_in": token.native_user_name,
        "stopped": dates.moment(token.state_since, zone=zone).full if dead else "",
        "ends": dates.moment(ends, zone=zone).full if ends else "",
        "explanation": explanation,
        "steps": explanation.steps or (native.last_step,),
        "url": _page(account, token),
    }


def _page(account: Account, token: Token) -> str:
    """Return the page that its button leads to: where the log-in is renewed; where that would fail now, the steps behind our log-in.

    Empty for a contact whom only the steps in the mail help: they cannot log in here.
    """
    if token.state != Token.State.DEAD or token.reason not in AN_APPEAL_HELPS:
        return renewal_links.page_of(account, token)
    if token.consented_by is None or token.consented_by.is_contact:
        return ""
    return addresses.absolute_url("reauthenticate", account.pk)
