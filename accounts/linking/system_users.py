"""Taking in a system user's token that staff pasted: looked at before it is kept, owned by a team, then the ordinary choice of accounts."""

from datetime import datetime

from accounts.errors import ActionRefused
from accounts.linking import consent, problems
from accounts.models import PendingLink
from tokens import reasons
from tokens.channels import registry
from tokens.channels.kinds import ChannelError, Verdict
from tokens.models import ChannelApp
from tokens.vault import VaultError
from users.models import Team, User


def take(*, app: ChannelApp, team: Team, actor: User, access_token: str, now: datetime) -> PendingLink:
    """Ask the channel whose token it is and which ad accounts it reaches, keep it, and return what is to be chosen from.

    Raises ActionRefused with words for staff; nothing is kept then.
    """
    channel = registry.get(app.channel)
    try:
        keys = app.keys()
        found = channel.inspect_pasted(keys, access_token)
    except ChannelError as error:
        problems.note_fault(app, error, "introspect", now)
        raise _refusal(channel.label, app.channel, error) from error
    except (ValueError, VaultError) as error:
        raise ActionRefused("as_told", text=str(error)) from error
    listed = consent.ask_for_list(app, found.identity, found.grant)
    return consent.keep(
        app=app,
        user=actor,
        identity=found.identity,
        grant=found.grant,
        listed=listed,
        target=None,
        next_url="",
        now=now,
        team=team,
    )


def _refusal(label: str, channel: str, error: ChannelError) -> ActionRefused:
    classification = error.classification
    if classification.verdict in {Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST}:
        said = reasons.explain(channel, classification.reason or "unknown").short
        return ActionRefused("token_refused", channel=label, reason=said)
    if classification.verdict == Verdict.APP_FAULT:
        return ActionRefused("app_refused", channel=label)
    return ActionRefused("no_proper_answer", channel=label, verdict=str(classification.verdict))
