"""Log-ins that come, by a person's consent or from a file, and those that one of our people ends on purpose.

Such a one is dead at once, revoked at the channel afterwards, its credentials purged. In this order, because the call to the channel takes
seconds and may fail: from the first write on nothing is served, whatever becomes of the call; the credentials stay until it was made, so
that a process that dies in between leaves work and no open authorisation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from tokens.channels.kinds import Credentials, Grant, Identity, Verdict
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.lifecycle import app_faults
from tokens.lifecycle.services import STATE_FIELDS, notify_pools, record_event
from tokens.models import ChannelApp, Token, TokenEvent
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
    team: Team | None = None,
) -> Token:
    """Write what a consent gave: a new row, or the same native user's row renewed. The caller settles the pools.

    A system user's token belongs to `team`, and to no person: `user` is only who did it.

    A missing date or scope in the grant keeps what is stored only if the credentials are the same; a new consent starts afresh.
    """
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
    token.credentials = vault.seal(token.owner, grant.credentials.as_dict())
    token.has_refresh_token = bool(grant.credentials.refresh_token)
    token.refresh_refused_at = token.renewed_at = token.renewal_tried_at = token.refresh_unanswered_at = None
    token.clear_refresh()
    token.app_refused_at = token.use_refused_at = token.demoted_at = None
    token.scopes = None if grant.scopes is None else list(grant.scopes)
    token.set_dates(grant.dates, keep=False)
    token.doubted_at = None
    doubts.refute_doubts(token, Doubt.Kind, now)
    token.set_state(Token.State.VALID, "", {}, now)
    token.generation += not created
    token.set_deadline(now)
    token.linked_at = token.proven_at = token.last_checked_at = now
    token.last_check_result = Verdict.OK
    token.claimed_until = token.claimed_by = None
    token.set_due(now)
    token.save()
    record_event(token, TokenEvent.Kind.LINKED, now, source="link", actor=user)
    # Where nothing renews tokens, only this shows that the channel takes our keys again.
    app_faults.clear_fault(app=app, call="exchange")
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
                credentials=vault.seal(one.app.token_owner(one.native_user_id), one.credentials.as_dict()),
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


class NotAsSeen(Exception):  # noqa: N818  # an answer
    """The log-in is not the one that the person looked at: renewed, consented to again, or removed meanwhile."""


@transaction.atomic
def remove(*, token_id: int, generation: int, actor: User, note: str, now: datetime) -> None:
    """End the log-in of this generation, and send the news. Raises NotAsSeen where it has moved on."""
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if token.generation != generation or token.is_removed:
        raise NotAsSeen
    before = token.pool_facts
    token.set_state(Token.State.DEAD, Token.REMOVED, {}, now)
    token.generation += 1
    token.doubted_at = None
    doubts.refute_doubts(token, Doubt.Kind, now)
    token.removed_at, token.removed_by, token.due_at = now, actor, None
    token.save(update_fields=[*STATE_FIELDS, "removed_at", "removed_by", "due_at"])
    record_event(token, TokenEvent.Kind.REMOVED, now, source="staff", actor=actor, detail={"note": note})
    notify_pools(token, before, now, "staff")


def claim_removed(*, token_id: int, now: datetime) -> tuple[Token, int] | None:
    """Claim a removed log-in that is still authorised at the channel, for the call that ends it. Returns it with the claim's number.

    None where it is held, or not so.
    """
    with transaction.atomic():
        token = Token.objects.to_revoke().free(now).filter(pk=token_id).locked().select_related("app").first()
        return (token, Token.objects.filter(pk=token_id).claim(now)) if token is not None else None


@transaction.atomic
def record_revoked(
    *, token_id: int, generation: int, taken: bool, final: bool, now: datetime, actor: User | None = None
) -> bool:
    """Write what the channel said to the call that ends an authorisation. Returns whether the credentials are purged.

    `taken`: it did so. `final`: asking again is of no use. Where the person consented again meanwhile, the call may have ended that too
    (at Facebook it does), and that was not the person: it is asked at once, and `removed_at` says until when an end is ours.
    """
    token = Token.objects.locked().get(pk=token_id)
    token.claimed_until = None
    if token.generation != generation or not token.is_removed:
        token.removed_at, token.due_at = max(now, token.linked_at), now
        token.save(update_fields=["claimed_until", "removed_at", "due_at"])
        return False
    if final:
        token.credentials, token.has_refresh_token = None, False
        record_event(
            token, TokenEvent.Kind.REVOKED, now, source="staff", actor=actor, detail={"taken": taken}
        )
    token.save(update_fields=["claimed_until", "credentials", "has_refresh_token"])
    return final


@transaction.atomic
def wipe_all(*, now: datetime) -> int:
    """Empty the credentials of all log-ins and the secrets of all channel apps. Returns how many log-ins there were.

    Nothing is revoked at the channels: the consents are the original's. The log-ins count as removed on purpose, so that nobody is asked
    or mailed about them. The caller settles all pools.
    """
    wiped = Token.objects.exclude(credentials__isnull=True, state=Token.State.DEAD)
    ids = list(wiped.locked().values_list("pk", flat=True))
    Token.objects.filter(pk__in=ids).update(
        credentials=None,
        credentials_key="",
        has_refresh_token=False,
        state=Token.State.DEAD,
        reason=Token.REMOVED,
        state_since=now,
        evidence={},
        generation=F("generation") + 1,
        removed_at=now,
        doubted_at=None,
        look_again_at=None,
        due_at=None,
        claimed_until=None,
        claimed_by=None,
        refresh_wanted_at=None,
        refresh_wanted={},
        refresh_began_at=None,
        refresh_began_by="",
        refresh_unanswered_at=None,
    )
    Doubt.objects.open().update(ended_at=now)
    ChannelApp.objects.update(
        secrets=None, secrets_key="", state=ChannelApp.State.NOT_SET_UP, version=F("version") + 1
    )
    return len(ids)


def note_linked(*, token_ids: Iterable[int], now: datetime) -> None:
    """Note that these tokens are, or were, in the pool of an account: a log-in with a history is never cleared away by a sweep."""
    Token.objects.filter(pk__in=list(token_ids), first_linked_at=None).update(first_linked_at=now)
