"""The mail about log-ins that can no longer be used for accounts: a role taken away, a right to read only, a permission missing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from accounts import health, pool_reasons, renewal_links
from accounts.mails import mailing
from accounts.mails.mailing import ReaderWithNames
from accounts.models import Account, AccountNotice, AccountToken
from accounts.summary import Summary
from accounts.telling import news
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import WRITE_REFUSALS, Reason
from tokens.models import Token
from ui import addresses, mails, pills
from ui.text import first_name
from users import recipients
from users.models import User


@dataclass(frozen=True)
class LossLine:
    """One account that lost one log-in."""

    entry: AccountToken
    person: str  # whose log-in it is, as the reader may know it
    mine: bool

    @property
    def account(self) -> Account:
        """The account."""
        return self.entry.account

    @property
    def deactivated(self) -> bool:
        """Whether nothing can be published there."""
        return self.account.state == Account.State.DEACTIVATED

    @property
    def reason(self) -> str:
        """What took the log-in from the account."""
        return pool_reasons.entry_reason(self.entry)


def build(message: Message) -> Mail:
    """Build the mail from what still holds. Raises NotWanted where nothing does."""
    reader = mailing.reader_of(message)
    lines = _lines(message, reader)
    if not lines:
        raise NotWanted("can_be_used")
    groups: dict[tuple[int, str], list[LossLine]] = defaultdict(list)
    for line in lines:
        groups[line.entry.token_id, line.reason].append(line)
    first = lines[0]
    shown = _shown(list(groups.values()))
    pools = mailing.summaries({first.account.pk, *(line.account.pk for some in shown for line in some)})
    facts = {
        "name": first.account.name,
        "accounts": list({line.account.pk: line.account.name for line in lines}.values()),
        "more": len({line.account.pk for line in lines}) - 1,
        "channel": declarations.label(first.account.channel),
        "person": first.person,
        "mine": first.mine,
        "deactivated": first.deactivated,
        "carrier": _carrier(first, pools, reader),
        "is_admin": _is_admin(first, pools, reader.user),
        "waits_for": _explanation([first]).waits_for,
        "reads_only": first.reason == Reason.PUBLISHING_LOST,
        "refused": first.reason in WRITE_REFUSALS,
        "log_ins": len({line.entry.token_id for line in lines if line.mine}),
        "cards": [
            _card(lines, some, pools, reader) for lines, some in zip(groups.values(), shown, strict=False)
        ],
        "unseen": max(0, len(lines) - mailing.SHOWN),
        "because": _because(first, pools, reader),
        "team": str(first.account.team),
        "personal": bool(own := _renewable(lines, reader)),
    }
    mail = mailing.compose("access", message, reader, facts)
    return renewal_links.personal(mail, user=reader.user, now=timezone.now(), found=own)


def _renewable(lines: Sequence[LossLine], reader: ReaderWithNames) -> dict[int, Token]:
    """Return the reader's own log-ins that a link renews, of those that a new consent helps."""
    helped = {line.entry.token_id for line in lines if line.mine and _explanation([line]).by_consent}
    return renewal_links.renewable([reader.user.pk], helped) if reader.user and helped else {}


def _lines(message: Message, reader: ReaderWithNames) -> list[LossLine]:
    """Return what still holds, the reader's own log-ins first, and of them what stopped. Without the pools: there may be thousands.

    Raises NotWanted where the reader snoozed all of it.
    """
    notices = news.not_snoozed(message.account_notices.filter(kind=AccountNotice.Kind.ACCESS))
    if not notices:
        raise NotWanted("reader_left_out")
    told = news.still_concerned(notices, mailing.accounts_of(notices))
    wanted = {(notice.account_id, notice.token_id) for notice in told}
    entries = AccountToken.objects.filter(
        account__in={account_id for account_id, _ in wanted},
        token__in={token_id for _, token_id in wanted},
        account__paused_at=None,
    ).select_related("account__team", "token__app", "token__consented_by")
    lines = [
        LossLine(
            entry=entry,
            person=reader.names.within(entry.token, entry.account),
            mine=reader.user is not None and entry.token.consented_by_id == reader.user.pk,
        )
        for entry in entries
        if (entry.account_id, entry.token_id) in wanted and news.holds(entry)
    ]
    return sorted(
        lines, key=lambda line: (not line.mine, not line.deactivated, line.account.name, line.account.pk)
    )


def _carrier(line: LossLine, pools: Mapping[int, Summary], reader: ReaderWithNames) -> str:
    """Return who carries the account on, "" for nobody."""
    found = pools[line.account.pk]
    return first_name(reader.names.within(found.usable[0].token, found.account)) if found.usable else ""


def _explanation(lines: Sequence[LossLine]) -> reasons.Explanation:
    """Return the words for what took one log-in from these accounts."""
    first = lines[0]
    return reasons.explain(
        first.account.channel,
        first.reason,
        person=first.person,
        account=mails.called([line.account.name for line in lines]),
        you=first.mine,
    )


def _shown(groups: Sequence[Sequence[LossLine]]) -> list[Sequence[LossLine]]:
    """Return the accounts that are named of each log-in, as long as there is room; log-ins without room have no card."""
    room, shown = mailing.SHOWN, []
    for lines in groups:
        if room > 0:
            shown.append(lines[:room])
        room -= len(lines)
    return shown


def _card(
    lines: Sequence[LossLine],
    shown: Sequence[LossLine],
    pools: Mapping[int, Summary],
    reader: ReaderWithNames,
) -> dict[str, object]:
    """Return the facts of one card: what one cause took one log-in away from."""
    first, explanation = lines[0], _explanation(lines)
    deactivated = any(line.deactivated for line in lines)
    # Nobody presses "Check now" in a mail, so the steps are those in which AdToken looks by itself.
    steps = reasons.explain(first.account.channel, first.reason, you=True).steps
    return {
        "account": first.account,
        "channel": declarations.label(first.account.channel),
        "count": len(lines),
        "person": first.person,
        "mine": first.mine,
        "pill": pills.pill("account", "deactivated") if deactivated else _pill(first),
        "lines": [_shown_line(line, pools, reader) for line in shown],
        "unseen": len(lines) - len(shown),
        "explanation": explanation,
        "waits_for": explanation.waits_for or ("" if first.mine else first.person),
        "you_help": bool(explanation.waits_for) and _is_admin(first, pools, reader.user),
        "steps": steps,
        "renews": first.mine and explanation.by_consent,
        "renew_url": renewal_links.page_of(first.account, first.entry.token)
        if first.mine and explanation.by_consent
        else addresses.absolute_url("reauthenticate", first.account.pk),
        "open_url": addresses.absolute_url("open_account", first.account.pk),
    }


def _shown_line(line: LossLine, pools: Mapping[int, Summary], reader: ReaderWithNames) -> dict[str, object]:
    account = line.account
    return {
        "name": account.name,
        "native_id": account.native_id,
        "deactivated": line.deactivated,
        "carrier": "" if line.deactivated else _carrier(line, pools, reader),
    }


def _pill(line: LossLine) -> pills.Pill:
    state = health.in_pool(
        active=False,
        state=line.entry.token.state,
        access=line.entry.access,
        can_publish=line.entry.can_publish,
    )
    return pills.pill("token", state)


def _is_admin(line: LossLine, pools: Mapping[int, Summary], user: User | None) -> bool:
    """Return whether the reader may give others a role in the account at the channel."""
    return user is not None and user.email in news.admins(pools[line.account.pk].entries)


def _because(line: LossLine, pools: Mapping[int, Summary], reader: ReaderWithNames) -> str:
    """Return why the reader gets the mail: "linked", "owner", "admin", "lead", or "nobody" else can be told."""
    if line.mine:
        return "linked"
    if line.entry.token.kind == Token.Kind.SYSTEM and _owns(line.entry.token, reader.user):
        return "owner"
    if _is_admin(line, pools, reader.user):
        return "admin"
    leads = recipients.leads().filter(team=line.account.team, user=reader.user)
    return "lead" if reader.user is not None and leads.exists() else "nobody"


def _owns(token: Token, user: User | None) -> bool:
    return user is not None and recipients.members().filter(team=token.team_id, user=user).exists()
