"""The page on which a person chooses which of the offered ad accounts to keep connected, and where the choice leads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.linking import choosing
from accounts.linking.choosing import Candidate, LinkEffect
from accounts.models import Account, AccountToken, PendingLink
from tokens.channels import registry
from tokens.channels.kinds import NativeAccount
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.text import first_name, hidden_name, join_names, restriction_said
from users.models import User
from users.people.visibility import names_for

TONES = {LinkEffect.RESTRICTED: "limit", LinkEffect.REPAIR: "warn", LinkEffect.FIRST: "warn"}


@dataclass(frozen=True)
class OfferedRow:
    """One ad account on the page."""

    native: NativeAccount
    note: str
    tone: str  # "" (plain), "warn", "limit"
    checked: bool
    disabled: bool
    goes_to: str  # the team that a new account goes to by its business at the channel; "": the one that is proposed


def rows(pending: PendingLink, user: User) -> list[OfferedRow]:
    """Return one row per offered ad account, with who is in it already and what is ticked beforehand."""
    label, names = registry.get(pending.token.app.channel).label, names_for(user)
    return [_row(one, user, names, label) for one in choosing.candidates(pending, user)]


def _row(one: Candidate, user: User, names: NameVisibility, label: str) -> OfferedRow:
    facts = {
        "standing": one.standing,
        "channel": label,
        "restriction": restriction_said(one.native.restriction or ""),
        "who": join_names(_names(one, user, names)),
    }
    return OfferedRow(
        native=one.native,
        note=render_to_string("selfservice/link/_note.html", facts).strip(),
        tone=TONES.get(one.standing, ""),
        checked=one.ticked,
        disabled=not one.is_open,
        goes_to=one.goes_to.name if one.goes_to else "",
    )


def _names(one: Candidate, user: User, names: NameVisibility) -> Sequence[str]:
    """Return whose the other log-ins are, each name once, as a colleague knows them."""
    if one.account is None:
        return []
    if one.standing == LinkEffect.REPAIR:
        found = (first_name(names.within(token, one.account)) for token in one.others)
    else:
        found = (_carrier(token, one.account, user, names) for token in one.others)
    return list(dict.fromkeys(found))


def _carrier(token: Token, account: Account, user: User, names: NameVisibility) -> str:
    if not names.sees_token(token, account):
        return hidden_name()
    person = token.consented_by
    return person.get_short_name() if person and person.pk != user.pk else token.native_user_name


def welcome_back(pending: PendingLink) -> HttpResponse:
    """Finish without the choose page: the same person came back for an account that this log-in carries already."""
    PendingLink.objects.filter(pk=pending.pk).delete()
    assert pending.account is not None  # the caller checked it
    carried = AccountToken.objects.filter(token=pending.token, access=AccountToken.Access.OK)
    ids = [pending.account.pk, *carried.exclude(account=pending.account).values_list("account_id", flat=True)]
    return redirect(pending.next or done_url(ids, again=True))


def done_url(account_ids: Iterable[int], *, again: bool = False) -> str:
    """Return the address of the page that says what is linked now."""
    query = [("account", pk) for pk in list(account_ids)[:50]]
    if again:
        query.append(("again", 1))
    return f"{reverse('linked')}?{urlencode(query)}"
