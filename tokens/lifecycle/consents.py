"""Tokens that come: by a person's consent, or from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from tokens.channels.kinds import Credentials, Grant, Identity, Verdict
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.lifecycle import app_faults
from tokens.lifecycle.transitions import event, refresh_is_over, set_dates, set_state
from tokens.models import ChannelApp, Token, TokenEvent, token_owner
from tokens.vault import services as vault
from users.models import Team, User


@transaction.atomic
def store_consent(
    *,
    app: ChannelApp,
    identity: Identity,
    grant: Grant,
    user: User | None,
    now: datetime,
    source: str = "link",
    team: Team | None = None,
) -> Token:
    """Write what a consent gave: a new row, or the same native user's row renewed. The caller settles the pools.

    A system user's token belongs to `team`, and to no person: `user` is only who did it.

    A missing date or scope in the grant keeps what is stored only if the credentials are the same; a new consent starts afresh.
    """
    owner = token_owner(app, identity.native_user_id)
    token, created = Token.objects.get_or_create(
        app=app,
        native_user_id=identity.native_user_id,
        defaults={"native_user_name": identity.name, "created_at": now},
    )
    token = Token.objects.locked().select_related("app").get(pk=token.pk)
    token.native_user_name = identity.name or token.native_user_name
    system = identity.kind == "system"
    token.kind = Token.Kind.SYSTEM if system else Token.Kind.PERSON
    token.team = team if system else None
    token.consented_by = None if system else user or token.consented_by
    token.credentials = vault.seal(owner, grant.credentials.as_dict())
    token.has_refresh_token = bool(grant.credentials.refresh_token)
    token.refresh_refused_at = token.renewed_at = token.renewal_tried_at = token.refresh_unanswered_at = None
    refresh_is_over(token)
    token.app_refused_at = token.use_refused_at = token.demoted_at = None
    token.scopes = None if grant.scopes is None else list(grant.scopes)
    set_dates(token, grant.dates, keep=False)
    token.doubted_at = None
    doubts.refute(token, Doubt.Kind, now)
    set_state(token, Token.State.VALID, "", {}, now)
    token.generation += not created
    token.set_deadline(now)
    token.linked_at = token.proven_at = token.last_checked_at = now
    token.last_check_result = Verdict.OK
    token.claimed_until = token.claimed_by = None
    token.set_due(now)
    token.save()
    event(token, TokenEvent.Kind.LINKED, now, source=source, actor=user)
    # Where nothing renews tokens, only this shows that the channel takes our keys again.
    app_faults.clear(app=app, call="exchange")
    return token


@dataclass(frozen=True)
class Imported:
    """A token from before, as a file gives it: its dates are not known."""

    app: ChannelApp
    native_user_id: str
    native_user_name: str
    credentials: Credentials
    user: User | None


@transaction.atomic
def store_imported(given: Sequence[Imported], *, now: datetime) -> tuple[list[Token], int]:
    """Write tokens from before, dates unknown and due for a probe at once. Returns them in full, and how many were there already.

    A token that is linked already keeps its credentials: what came by consent is newer than a file. The caller settles.
    """
    existing = {
        (token.app_id, token.native_user_id)
        for token in Token.objects.filter(native_user_id__in=[one.native_user_id for one in given])
    }
    fresh = [one for one in given if (one.app.pk, one.native_user_id) not in existing]
    Token.objects.bulk_create(
        [
            Token(
                app=one.app,
                native_user_id=one.native_user_id,
                native_user_name=one.native_user_name[:200],
                consented_by=one.user,
                credentials=vault.seal(token_owner(one.app, one.native_user_id), one.credentials.as_dict()),
                has_refresh_token=bool(one.credentials.refresh_token),
                state_since=now,
                linked_at=now,
                created_at=now,
                due_at=now,
            )
            for one in sorted(fresh, key=lambda one: (one.app.pk, one.native_user_id))
        ],
        batch_size=1000,
    )
    wanted = {(one.app.pk, one.native_user_id) for one in given}
    rows = Token.objects.locked().select_related("app").filter(native_user_id__in=[key[1] for key in wanted])
    tokens = [token for token in rows if (token.app_id, token.native_user_id) in wanted]
    return tokens, len(tokens) - len(fresh)
