"""The mail to whoever stands in when a log-in stops whose person cannot be told: a team lead, else the operators."""

from django.utils import timezone

from accounts import readers, summary
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken
from notifications import composing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from ui import addresses, dates
from ui.text import join_names
from users import refused_addresses
from users.models import Team
from users.recipients import Via
from users.visibility import names_for

SHOWN = 10


def build(message: Message, token: Token) -> Mail:
    """Build the mail. Raises NotWanted where the person can be told now, or the reader is no longer the stand-in."""
    via, teams = Via(message.payload["via"]), tuple(message.payload["teams"])
    told = [*readers.of_token(token), *readers.leads_beside(token)]
    wanted = {(reader.address, reader.via) for reader in told}
    if (message.recipient, via) not in wanted:
        raise NotWanted("no_stand_in")
    reader = composing.reader_of(message)
    names = names_for(reader.user)
    accounts = Account.objects.filter(
        pk__in=AccountToken.objects.filter(token=token).values("account_id"), team__in=teams
    )
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    if not found:
        raise NotWanted("not_linked_in_teams")
    first, channel = found[0], declarations.label(token.app.channel)
    seen = names.sees_token(token, first.account)
    rows = Rows(
        [row_of(one, carrier=one.active_name(names), zone=reader.zone) for one in found], accounts.count()
    )
    facts = {
        "via": via,
        "rows": rows,
        "more": rows.total - 1,
        "channel": channel,
        "channel_key": token.app.channel,
        "active": first.active_name(names),
        "person": token.person_name if seen and token.consented_by else "",
        "why": _why_not_told(token),
        "team_count": len(teams),
        "teams": join_names(list(Team.objects.filter(pk__in=teams).values_list("name", flat=True))),
        "stopped": dates.moment(token.state_since, zone=reader.zone).full,
        "explanation": reasons.explain(
            token.app.channel,
            token.reason,
            person=names.token(token, first.account),
            account=first.account.name,
        ),
        "log_in": (token.native_user_name or token.person_name) if seen else "",
        "url": addresses.absolute_url("open_account", first.account.pk),
        "about_channel": channel,
        "about_url": addresses.absolute_url("channel_page", token.app.channel) if reader.user else "",
    }
    return composing.compose("stand_in", message, reader, facts)


def _why_not_told(token: Token) -> str:
    """Return why the person cannot be told: "unknown" to us, "refused" by the mail server, or "left"; or can "only_appeal"."""
    person = token.consented_by
    if person is None:
        return "unknown"
    if (
        token.reason in AN_APPEAL_HELPS
        and person.is_active
        and not refused_addresses.is_refused(person.email)
    ):
        return "only_appeal"
    return "refused" if person.is_active else "left"
