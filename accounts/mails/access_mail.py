"""The mail about log-ins that cannot be used for accounts any more: a role taken away, a right to read only, a permission missing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts import health, pool_reasons
from accounts.mails import mailing
from accounts.mails.mailing import Reader
from accounts.models import Account, AccountNotice, AccountToken
from accounts.summary import Summary
from accounts.telling import news
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import WRITE_REFUSALS, Reason
from tokens.models import Token
from ui import addresses, pills
from ui.text import first_name
from users import recipients
from users.models import Membership, User


@dataclass(frozen=True)
class Line:
    """One account that lost one log-in."""

    entry: AccountToken
    person: str  # whose log-in it is, as the reader may know it
    mine: bool

    @property
    def account(self) -> Account:
        """The account."""
        return self.entry.account

    @property
    def dark(self) -> bool:
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
        raise NotWanted(
            "The log-in can be used again, is not linked any more, or another team has the account."
        )
    groups: dict[tuple[int, str], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.entry.token_id, line.reason].append(line)
    first = lines[0]
    told = _told(next(iter(groups.values())))
    shown = _shown(list(groups.values()))
    pools = mailing.summaries({first.account.pk, *(line.account.pk for some in shown for line in some)})
    accounts = list({line.account.pk: line.account.name for line in lines}.values())
    context = {
        "accounts": mailing.called(accounts),
        "more": len(accounts) - 1,
        "first": first,
        "told": told,
        "channel": declarations.label(first.account.channel),
        "carrier": _carrier(first, pools, reader),
        "is_admin": _is_admin(first, pools, reader.user),
        "reads_only": first.reason == Reason.PUBLISHING_LOST,
        "refused": first.reason in WRITE_REFUSALS,
        "log_ins": len({line.entry.token_id for line in lines if line.mine}),
        "cards": [
            _card(lines, some, pools, reader) for lines, some in zip(groups.values(), shown, strict=False)
        ],
        "unseen": max(0, len(lines) - mailing.SHOWN),
        "because": _because(first, pools, reader),
    }
    return mailing.render("access", message, reader, first.account.name, context)


def _lines(message: Message, reader: Reader) -> list[Line]:
    """Return what still holds, the reader's own log-ins first, and of them what stopped. Without the pools: there may be thousands."""
    notices = list(message.account_notices.filter(kind=AccountNotice.Kind.ACCESS))
    told = news.still_concerned(notices, mailing.accounts_of(notices))
    wanted = {(notice.account_id, notice.token_id) for notice in told}
    entries = AccountToken.objects.filter(
        account__in={account_id for account_id, _ in wanted},
        token__in={token_id for _, token_id in wanted},
        account__paused_at=None,
    ).select_related("account__team", "token__app", "token__consented_by")
    lines = [
        Line(
            entry=entry,
            person=reader.names.within(entry.token, entry.account),
            mine=reader.user is not None and entry.token.consented_by_id == reader.user.pk,
        )
        for entry in entries
        if (entry.account_id, entry.token_id) in wanted and news.holds(entry)
    ]
    return sorted(lines, key=lambda line: (not line.mine, not line.dark, line.account.name, line.account.pk))


def _carrier(line: Line, pools: Mapping[int, Summary], reader: Reader) -> str:
    """Return who carries the account on, "" for nobody."""
    found = pools[line.account.pk]
    return first_name(reader.names.within(found.usable[0].token, found.account)) if found.usable else ""


def _told(lines: Sequence[Line]) -> reasons.Explanation:
    """Return the words for what took one log-in from these accounts."""
    first = lines[0]
    return reasons.explain(
        first.account.channel,
        first.reason,
        person=first.person,
        account=mailing.called([line.account.name for line in lines]),
        you=first.mine,
    )


def _shown(groups: Sequence[Sequence[Line]]) -> list[Sequence[Line]]:
    """Return the accounts that are named of each log-in, as long as there is room; log-ins without room have no card."""
    room, shown = mailing.SHOWN, []
    for lines in groups:
        if room > 0:
            shown.append(lines[:room])
        room -= len(lines)
    return shown


def _card(
    lines: Sequence[Line], shown: Sequence[Line], pools: Mapping[int, Summary], reader: Reader
) -> dict[str, Any]:
    first, told = lines[0], _told(lines)
    dark = any(line.dark for line in lines)
    admin = _is_admin(first, pools, reader.user)
    waits_for = told.waits_for or ("" if first.mine else first.person)
    # Nobody presses "Check now" in a mail, so the steps are those in which AdToken looks by itself.
    steps = reasons.explain(first.account.channel, first.reason, you=True).steps
    return {
        **mailing.card_head([line.account for line in lines], f"log-in of {first.person}"),
        "pill": pills.pill("account", "deactivated") if dark else _pill(first),
        "rows": [
            *_states(shown, pools, reader),
            *([("", f"and {len(lines) - len(shown)} more")] if len(lines) > len(shown) else []),
            ("Why", told.what),
            *([("Waiting for", "you" if admin and told.waits_for else waits_for)] if waits_for else []),
        ],
        "steps": steps,
        "steps_for": "" if admin and told.waits_for else waits_for,
        "button": _button(lines, told),
    }


def _pill(line: Line) -> pills.Pill:
    state = health.in_pool(
        active=False,
        state=line.entry.token.state,
        access=line.entry.access,
        can_publish=line.entry.can_publish,
    )
    return pills.pill("token", state)


def _states(lines: Sequence[Line], pools: Mapping[int, Summary], reader: Reader) -> list[tuple[str, str]]:
    if len(lines) == 1:
        return [("State", _state(lines[0], pools, reader))]
    return [
        (
            "" if place else "Accounts",
            f"{line.account.name} ({line.account.native_id}), {_state(line, pools, reader, short=True)}",
        )
        for place, line in enumerate(lines)
    ]


def _state(line: Line, pools: Mapping[int, Summary], reader: Reader, *, short: bool = False) -> str:
    if line.dark:
        return "deactivated" if short else "Deactivated: nothing can be published"
    carrier = _carrier(line, pools, reader)
    text = f"goes on through {carrier}" if carrier else "other log-ins are being checked"
    return text if short else text[:1].upper() + text[1:]


def _button(lines: Sequence[Line], told: reasons.Explanation) -> dict[str, str]:
    first = lines[0]
    if first.mine and told.by_consent:
        several = f"{declarations.label(first.account.channel)}, {len(lines)} accounts"
        what = several if len(lines) > 1 else mailing.cut(first.account.name)
        return {"label": f"Re-authenticate {what}", "url": addresses.of("reauthenticate", first.account.pk)}
    if first.mine:
        return {
            "label": "See the steps and check now",
            "url": addresses.of("reauthenticate", first.account.pk),
        }
    return {
        "label": f"See {mailing.cut(first.account.name)}",
        "url": addresses.of("open_account", first.account.pk),
    }


def _is_admin(line: Line, pools: Mapping[int, Summary], user: User | None) -> bool:
    """Return whether the reader may give others a role in the account at the channel."""
    return user is not None and user.email in news.admins(pools[line.account.pk].entries)


def _because(line: Line, pools: Mapping[int, Summary], reader: Reader) -> str:
    channel = declarations.label(line.account.channel)
    if line.mine:
        return f"You get this because you linked this {channel} log-in."
    if line.entry.token.kind == Token.Kind.SYSTEM and _owns(line.entry.token, reader.user):
        return f"You get this because your team owns this {channel} system user."
    if _is_admin(line, pools, reader.user):
        return f"You get this because you are an admin of {line.account.name} at {channel}."
    team = line.account.team
    leads = recipients.leads().filter(team=team, user=reader.user)
    if reader.user is not None and leads.exists():
        return f"You get this because you lead the team {team}."
    return f"You get this because nobody else can be told: the team {team} has no lead."


def _owns(token: Token, user: User | None) -> bool:
    return user is not None and Membership.objects.filter(team=token.team_id, user=user).exists()
