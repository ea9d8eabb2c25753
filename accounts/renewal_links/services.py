"""The personal link in a mail that leads a person straight to the channel, to renew one log-in without our password; and its card.

Nothing of it is stored. It is signed, and names what it was made for: the log-in (a native user under one channel app), the consent of
then, the person and the address. So it no longer opens anything once the person consented again, left, got another address, or the log-in
was removed or became somebody else's; and after 14 days (docs/decisions/0077-links-without-a-password.md).
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.core import signing
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from accounts.models import Account
from accounts.pool.health import OUTSIDE
from accounts.pool.mails import Rows
from notifications.outbox import Mail
from tokens.channels import registry
from tokens.models import ChannelApp, Token
from tokens.token import reasons
from ui import addresses, dates
from ui.pills import Pill
from users.models import User

VALID_FOR = timedelta(days=14)
_SIGNER = signing.Signer(salt="accounts.renewal")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOG_IN = "?log_in="
_ADDRESS = re.compile(r"""https?://[^\s"'<>]+/my/\d+/reauthenticate/\?log_in=(\d+)""")


class Standing(StrEnum):
    """Whether a link still opens something, and why not."""

    OPEN = "open"
    RENEWED = "renewed"  # the person consented since: by this link, by another, or logged in here
    EXPIRED = "expired"
    OVER = "over"  # the log-in was removed or is somebody else's, or the person left or has another address


@dataclass(frozen=True)
class RenewalLink:
    """What a link was made for. `consented`: when the log-in was last consented to then, in microseconds since 1970."""

    token: Token
    user: User
    address: str  # a trace of it
    consented: int
    issued: datetime

    @property
    def until(self) -> datetime:
        """When it stops to open anything."""
        return self.issued + VALID_FOR

    @property
    def signed(self) -> str:
        """The last part of its address. A secret: for the mail that is being sent, and the browser that showed it; never stored."""
        seconds = int(self.issued.timestamp())
        return _SIGNER.sign_object([self.token.pk, self.user.pk, self.address, self.consented, seconds])

    def standing_at(self, now: datetime) -> Standing:
        """Return whether it opens something. Asks for the person's role, no more."""
        if not renewable_log_ins([self.user.pk], [self.token.pk]) or self.address != _trace(self.user):
            return Standing.OVER
        if not self.user.is_active or self.user.only_looks:
            return Standing.OVER
        if _microseconds(self.token.linked_at) != self.consented or self._moved_to().exists():
            return Standing.RENEWED
        return Standing.EXPIRED if now >= self.until else Standing.OPEN

    @property
    def moves(self) -> bool:
        """Whether the log-in is under an app that takes no new consents: then its person comes under the app that does."""
        return not self.token.app.is_default

    @property
    def last_consent_at(self) -> datetime:
        """When its person consented last: under its own app, or under the one that took its place."""
        found = self._moved_to().order_by("-linked_at").first()
        return found.linked_at if found else self.token.linked_at

    def _moved_to(self) -> QuerySet[Token]:
        """Return what the person consented to since under the app of new links, of a log-in under an app that takes none."""
        if not self.moves:
            return Token.objects.none()
        new = Token.objects.filter(app__channel=self.token.app.channel, app__is_default=True)
        same = Q(native_user_id=self.token.native_user_id) | Q(native_user_name=self.token.native_user_name)
        return new.filter(same, consented_by=self.user, linked_at__gt=self.issued)

    def facts(self) -> dict[str, Any]:
        """Return it for the state of a handshake, as `link_from_facts` reads it: ids and dates, nothing that opens it."""
        return {
            "token": self.token.pk,
            "user": str(self.user.pk),
            "address": self.address,
            "consented": self.consented,
            "issued": int(self.issued.timestamp()),
        }


def link_for(*, token: Token, user: User, issued: datetime) -> RenewalLink:
    """Return the link by which this person renews this log-in, from `issued` on."""
    return RenewalLink(token, user, _trace(user), _microseconds(token.linked_at), issued)


def read_signed_link(signed: str) -> RenewalLink | None:
    """Return what a link was made for, open or not; None where it is cut or forged, or its log-in or person is gone."""
    try:
        token, user, address, consented, issued = _SIGNER.unsign_object(signed)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return link_from_facts(
        {"token": token, "user": user, "address": address, "consented": consented, "issued": issued}
    )


def link_from_facts(facts: Mapping[str, Any]) -> RenewalLink | None:
    """Return the link that a handshake began with; None where its log-in or person is gone."""
    token = Token.objects.select_related("app").filter(pk=facts["token"]).first()
    user = User.objects.filter(pk=facts["user"]).first()
    if token is None or user is None:
        return None
    issued = datetime.fromtimestamp(facts["issued"], UTC)
    return RenewalLink(token, user, facts["address"], facts["consented"], issued)


def renewable_log_ins(user_ids: Collection[int], token_ids: Collection[int]) -> dict[int, Token]:
    """Return which of these log-ins, by id, these people may renew by a link: their own, of channels that take new consents.

    One under an app that takes none comes under the app of new links by it (docs/decisions/0016-second-app.md).
    """
    own = Token.objects.filter(pk__in=token_ids, consented_by__in=user_ids, kind=Token.Kind.PERSON)
    ready = ChannelApp.objects.taking_links()
    takes = ready.filter(channel=OuterRef("app__channel"))
    found = own.filter(Exists(takes)).not_removed()
    return {token.pk: token for token in found.only("linked_at", "consented_by")}


def renewal_page(account: Account, token: Token) -> str:
    """Return the page, behind our log-in, where a person renews this log-in: `put_personal_links` puts the link in its place."""
    return f"{addresses.absolute_url('reauthenticate', account.pk)}{_LOG_IN}{token.pk}"


def log_in_card(
    token: Token | None,
    rows: Rows,
    explanation: reasons.Explanation,
    *,
    zone: ZoneInfo,
    ends: str = "",
    log_in: str = "",
    mine: bool = True,
    words: str = "",
    pill: Pill | None = None,
    group: str = "",
) -> dict[str, object]:
    """Return the facts of a card for whoever can do something about a log-in, as templates/mail/_base/log_in_card.txt words them.

    The reader's own (`mine`), or one that they help as an admin or a colleague; without a `token` their accounts are restricted, in these
    `words` of the channel. `ends`: when it does.
    """
    account = rows.shown[0].account
    native, dead = registry.get(account.channel), token is not None and token.state == Token.State.DEAD
    system = token is not None and token.kind == Token.Kind.SYSTEM
    helper, by_itself = explanation.helper, not explanation.reason or explanation.by_consent
    renews = token is not None and mine and by_itself and not system
    steps = explanation.steps if mine else explanation.own_steps
    contact = token is not None and token.consented_by is not None and token.consented_by.is_contact
    walled = explanation.reason == OUTSIDE
    page = "reauthenticate" if mine and token is not None and not walled else "open_account"
    return {
        "rows": rows,
        "channel": native.label,
        "channel_key": native.key,
        "pill": pill or rows.shown[0].pill,
        "group": group,
        "stopped": dates.moment(token.state_since, zone=zone).full if token and dead else "",
        "ends": ends,
        "words": words,
        "why": "" if words else explanation.what,
        "causes": explanation.causes,
        "log_in": log_in,
        "waits_for": gettext("you") if helper and not (mine or walled) else helper,
        "steps": steps or ((native.last_step,) if renews else ()),
        "steps_for": helper if mine and not explanation.only_appeal else "",
        "system": system,
        "walled": walled,
        "only_appeal": explanation.only_appeal,
        "renews": renews,
        "checks": page == "reauthenticate",
        # Empty for a contact whom only the steps in the mail help: they cannot log in here.
        "url": renewal_page(account, token)
        if renews and token
        else ""
        if contact
        else addresses.absolute_url(page, account.pk),
    }


def put_personal_links(mail: Mail, *, user: User | None, now: datetime) -> Mail:
    """Return a mail with the personal links of its reader, which its kept copy does not hold: there stand the pages behind our log-in.

    For the mail that is being sent.
    """
    ids = {int(pk) for pk in _ADDRESS.findall(mail.text)}
    if not ids or user is None or not user.is_active or user.only_looks:
        return mail
    own = renewable_log_ins([user.pk], ids)
    links = {
        pk: addresses.absolute_url("renew", link_for(token=own[pk], user=user, issued=now).signed)
        for pk in ids
        if pk in own and own[pk].consented_by_id == user.pk
    }

    def put(text: str) -> str:
        return _ADDRESS.sub(lambda page: links.get(int(page[1]), page[0]), text)

    return replace(
        mail,
        text=put(mail.text),
        html=put(mail.html),
        stored_text=mail.text if mail.stored_text is None else mail.stored_text,
        stored_html=mail.html if mail.stored_html is None else mail.stored_html,
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _trace(user: User) -> str:
    return hashlib.sha256(user.email.encode()).hexdigest()[:12]
