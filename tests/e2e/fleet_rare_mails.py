"""Mails about what the fleet has not met: each is written by the job that causes it, which is taken back once the mail was made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import Ask
from tests.e2e.fleet import DAY, Fleet
from tests.e2e.fleet_states import NOTE

LATER = timedelta(minutes=2)


def _told_at_once(fleet: Fleet) -> None:
    """A password was changed: accounts shift to others or stop; a channel restricts some, and others work again."""
    from accounts.models import Account, AccountEvent
    from accounts.pool import services as pool
    from macros.at_once import services as at_once
    from tokens.models import Token

    at_once.tell_news(fleet.now + LATER)  # what was written while the fleet was built
    then = fleet.now + 2 * LATER
    Token.objects.filter(pk=fleet.tokens[1].pk).update(
        state="dead", reason="password_changed", state_since=then
    )
    pool.settle(token_ids=[fleet.tokens[1].pk], cause="password_changed", source="sweep", now=then)
    for account in fleet.accounts[60:64]:
        Account.objects.filter(pk=account.pk).update(
            restriction="disabled for an unpaid bill or a risky payment", created_at=fleet.now
        )
        pool.record_event(
            account=account,
            kind=AccountEvent.Kind.RESTRICTED,
            note="disabled for an unpaid bill or a risky payment",
            now=then,
        )
    at_once.tell_news(then + 3 * LATER)


def _told_by_account(fleet: Fleet) -> None:
    """Log-ins lost their role at the channel; accounts are restricted; one that was told as stopped works again."""
    from accounts.models import Account, AccountEvent, AccountToken
    from accounts.pool import services as pool
    from macros.at_once import services as at_once
    from macros.models import Told
    from notifications.models import Message

    then, lost = fleet.now + LATER, fleet.accounts[:7]
    ids = [account.pk for account in lost]
    AccountToken.objects.filter(account__in=ids).update(access="lost", access_reason="access_lost")
    pool.settle(account_ids=ids, cause="access_lost", source="sweep", now=then)
    for entry in AccountToken.objects.filter(account__in=ids):
        pool.record_event(
            account=entry.account,
            now=then,
            kind=AccountEvent.Kind.ACCESS,
            token_id=entry.token_id,
            cause="access_lost",
        )
    for account in fleet.accounts[70:84]:
        Account.objects.filter(pk=account.pk).update(
            restriction="disabled for an unpaid bill or a risky payment", created_at=fleet.now - DAY
        )
        pool.record_event(account=account, kind=AccountEvent.Kind.RESTRICTED, now=then)
    told = Message.objects.create(
        kind="news",
        recipient=fleet.boss.email,
        dedupe_key="photograph:told",
        state="sent",
        sent_at=fleet.now,
        payload={"teams": "all"},
    )
    Told.objects.bulk_create(
        Told(
            account=one,
            kind=Told.Kind.DEACTIVATED,
            event=0,
            recipient=fleet.boss.email,
            dark=True,
            message=told,
            at=fleet.now,
            outcome=Told.Outcome.MAILED,
        )
        for one in Account.objects.filter(state="connected", paused_at=None).order_by("pk")[8:11]
    )
    pool.note_news({one.pk for one in fleet.accounts}, then)
    at_once.tell_news(then + LATER)


def _closed_team(fleet: Fleet) -> None:
    from accounts.pool import services as pool
    from macros.at_once import services as at_once
    from users.models import Team

    Team.objects.filter(pk=fleet.team.pk).update(members_only=True)
    pool.settle_team(team_id=fleet.team.pk, now=fleet.now + LATER)
    at_once.tell_news(fleet.now + 2 * LATER)


def _left(fleet: Fleet) -> None:
    """The boss leaves, whose campaigns and macros somebody takes, and Deniz; a log-in of Deniz is removed with them."""
    from accounts.leaving import handing_over
    from tests.support.leaving import removed
    from tokens.models import Token
    from users.models import Membership, User

    lena, deniz = fleet.people[:2]
    User.objects.filter(pk__in=[lena.pk, deniz.pk]).update(is_active=False)
    Membership.objects.get_or_create(user=fleet.people[6], team=fleet.team, role=Membership.Role.TEAM_LEAD)
    now, token = fleet.now + LATER, Token.objects.get(pk=fleet.tokens[1].pk)
    removed(token, by=fleet.boss, now=now, left=deniz)
    for who, by in ((lena, fleet.people[10]), (fleet.boss, fleet.people[8])):
        taken = handing_over.take_over_from(person=who, actor=by, now=fleet.now)
        removed(by=by, now=now, left=who, taken=taken)


def _removed(fleet: Fleet) -> None:
    from tests.support.leaving import removed
    from tokens.models import Token

    token = Token.objects.get(pk=fleet.tokens[1].pk)
    removed(
        token,
        by=fleet.people[1] if token.consented_by != fleet.people[1] else fleet.boss,
        now=fleet.now + LATER,
    )


def _said_in_mails(fleet: Fleet) -> None:
    """Somebody gives an account up, and is on others."""
    from accounts.models import AccountEvent
    from macros.models import Notice
    from macros.mutes import acknowledgements
    from notifications.models import Message
    from tests.support.leaving import removed

    account, person = fleet.accounts[0], fleet.people[0]
    token = account.pool.select_related("token")[0].token
    AccountEvent.objects.create(account=account, kind="unlinked", cause="gave_up", actor=person, at=fleet.now)
    account.pool.filter(token__consented_by=person).delete()
    removed(by=person, now=fleet.now, account=account.pk, tokens=[token.pk], person=person.pk)
    warnings = Message.objects.filter(kind="macro").exclude(dedupe_key__startswith="photograph")
    for message in warnings.order_by("pk")[:4]:
        warnings.filter(pk=message.pk).update(state="sent", sent_at=fleet.now)
    Notice.objects.update(outcome="mailed")
    deadlines = [
        one for message in warnings.order_by("pk")[:4] for one in acknowledgements.deadlines_of(message)
    ]
    acknowledgements.acknowledge(deadlines=deadlines[:3], email=fleet.people[5].email, now=fleet.now)


def _added(fleet: Fleet) -> None:
    """A log-in backs up what it reaches; the key of a publishing job ends soon."""
    from accounts.api_keys import mails as api_key_mail
    from accounts.backups import services as backing_up
    from accounts.models import ApiKey

    chosen = {fleet.backups[place].pk: fleet.tokens[0].pk for place in (0, 3, 4)}
    added = backing_up.write_backups(chosen=chosen, actor=fleet.boss, note=NOTE, now=fleet.now).added
    backing_up.tell_of_backups(added=added, asked=[], actor=fleet.boss, note=NOTE, now=fleet.now)
    ApiKey.objects.update(expires_at=fleet.now + 5 * DAY)
    api_key_mail.tell_of_keys(now=fleet.now)


def _late(fleet: Fleet) -> None:
    from notifications import outbox

    payload = {"lane": "mail", "since": (fleet.now - DAY / 24).isoformat()}
    outbox.enqueue(
        kind="operators",
        recipient=fleet.boss.email,
        dedupe_key="photograph:late",
        payload=payload,
        now=fleet.now,
    )


def _in_vain(fleet: Fleet) -> None:
    """The mail with a client link did not arrive."""
    from notifications.mails import tell_person
    from notifications.models import Message

    link = Ask.objects.client_links().order_by("pk")[0]
    failed = Message.objects.create(
        kind="ask",
        recipient="petra.alpenquell@hotel-alpenquell-und-spa.example",
        dedupe_key="photograph:failed",
        subject=fleet.accounts[0].name,
        state="failed",
        payload={"asks": [link.pk]},
        created_at=fleet.now,
    )
    tell_person(about=failed, to=fleet.boss, now=fleet.now, page="client_link_of", page_id=link.pk)


def _webhook_off(fleet: Fleet) -> None:
    """An endpoint takes nothing any longer."""
    from macros.models import Endpoint
    from macros.webhooks.mails import tell_of_end

    tell_of_end(Endpoint.objects.get(), fleet.now)


DEEDS: tuple[Callable[[Fleet], Any], ...] = (
    _told_at_once, _told_by_account, _closed_team, _left, _removed, _said_in_mails, _added, _late,
    _in_vain, _webhook_off,
)  # fmt: skip
