"""The mails of the fleet, one of each kind and language, made as the worker makes them, and kept where the portal shows them."""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from tests.e2e import fleet_rare_mails
from tests.e2e.fleet import DAY, Fleet
from tests.e2e.fleet_states import NOTE

OUTSIDE = "leitung@hafen-kaffee.example"  # somebody who has no log-in here
MOST = 2  # of a kind, of which the longer one is kept


class Said(NamedTuple):
    """A mail that was made of a message."""

    message: Any
    subject: str
    text: str
    html: str


Spoken = dict[str, Said]  # by language


def add(fleet: Fleet, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the messages, keep what each kind says in English and German, and return where that is."""
    from notifications.models import Message

    before = _newest()
    _write(fleet, facts)
    kept = _kept(fleet, before)
    written = Message.objects.filter(recipient=fleet.people[0].email, kind="macro")
    lenas = written.exclude(dedupe_key__startswith="photograph").latest("pk")  # it has notices
    _delivered(fleet, lenas)
    _states(fleet)
    return kept | {"message": lenas.pk, "my_message": lenas.pk} | _links(fleet)


def _told_of_ends(fleet: Fleet) -> None:
    """Have told that two log-ins stopped."""
    from accounts.models import Account
    from accounts.pool.services import note_news
    from macros.at_once import services as at_once

    ends = Account.objects.filter(pool__token__in=[fleet.tokens[3].pk, fleet.more[2].pk])
    note_news(set(ends.values_list("pk", flat=True)), fleet.now - 400 * DAY)
    at_once.tell_news(fleet.now)


def _write(fleet: Fleet, facts: dict[str, Any]) -> None:
    """Have each mail written by what writes it."""
    from accounts.alerts import services as alerts
    from accounts.asks import inviting, links, mails
    from accounts.backups import queries as backups
    from accounts.backups import services as backing_up
    from accounts.imports import mails as imported_mail
    from accounts.models import AccountToken
    from macros.warnings import services as evaluation
    from notifications import outbox
    from notifications.mails import tell_operators
    from tests.support.asking import ask_now
    from users.invitations import services as invitations
    from users.login import passwords
    from users.login.services import ChangeKind, LoginChange, notify_change

    now, boss, (lena, _, short, emil) = fleet.now, fleet.boss, fleet.people[:4]
    of_team = [one for one in fleet.accounts if one.team_id == fleet.team.pk]
    evaluation.evaluate(now=now)
    _told_of_ends(fleet)
    ask_now(people=[[(fleet.accounts[0], fleet.tokens[1])]], user=boss, note=NOTE, now=now)
    mails.send_link_again(token=fleet.tokens[3], user=emil, now=now)
    offers = [
        offer
        for offer in backups.every_offer(account_ids=[one.pk for one in fleet.backups])
        if offer.token == fleet.tokens[0]
    ]
    backing_up.tell_of_backups(added=[], asked=offers, actor=boss, note=NOTE, now=now)
    linked = AccountToken.objects.filter(token__in=[fleet.tokens[0].pk, fleet.tokens[4].pk])
    imported_mail.tell_of_import(linked, actor=boss, since=now - 400 * DAY, now=now)
    inviting.invite_to_link(accounts=fleet.accounts[36:39], email=short.email, note=NOTE, by=boss, now=now)
    links.make_link(
        email="client@alpenquell.example", name="Annemarie Oberhuber", team=fleet.team, channels=["facebook"], made_by=boss, now=now,
        note=NOTE,
        accounts=[one for one in of_team if one.channel == "facebook"][:3],
    )  # fmt: skip
    outbox.enqueue(
        kind="ask_done", recipient=boss.email, dedupe_key="photograph:used", now=now, team=fleet.team,
        payload={
            "asks": [facts["link_pk_used"]], "channel": "facebook", "accounts": [one.pk for one in of_team[:4]], "log_in": 0,
        },
    )  # fmt: skip
    invitations.create(
        email="invited@alpenquell.example", name="Petra Vogel", team=fleet.team, invited_by=boss, now=now
    )
    tell_operators(now)
    alerts.tell_of_doubts(now)
    alerts.tell_operators(now)
    passwords.request_reset(email=lena.email, now=now)
    change = LoginChange(
        ChangeKind.PASSWORD_CHANGED,
        lena,
        lena.email,
        address="192.0.2.7",
        browser="Firefox on Linux",
    )
    notify_change(change, now=now)
    _snooze(fleet)
    outbox.enqueue(kind="test", recipient=boss.email, dedupe_key="photograph:test", now=now)


def _snooze(fleet: Fleet) -> None:
    """Whoever a mail was forwarded to snoozes all warnings to its reader."""
    from macros.mutes import services
    from notifications.models import Message

    mail = Message.objects.create(
        kind="macro", recipient=OUTSIDE, team=fleet.team, dedupe_key="photograph:forwarded", state="sent",
        subject="Hafen Kaffee Always-on Winter ends in 7 days", sent_at=fleet.now,
    )  # fmt: skip
    until = fleet.now.date() + 12 * DAY
    services.mute_all(email=OUTSIDE, until=until, now=fleet.now, link_of=mail)


def _kept(fleet: Fleet, before: int) -> dict[str, Any]:
    """Keep the longest mail of each kind in both languages: of those that were written, and of those that deeds taken back would write."""
    found: dict[str, Spoken] = {}
    tries: Counter[str] = Counter()
    _make(before, found, tries)
    usual = set(found)
    for deed in fleet_rare_mails.DEEDS:
        with transaction.atomic():
            newest = _newest()
            deed(fleet)
            _make(newest, found, tries)
            transaction.set_rollback(True)
    return {
        "mails": {
            name: _keep(name, spoken, fleet.now, rare=name not in usual) for name, spoken in found.items()
        }
    }


def _make(before: int, found: dict[str, Spoken], tries: Counter[str]) -> None:
    """Make the mails written since that message; what has nothing left to say is left out."""
    from notifications.models import Message

    for message in Message.objects.filter(pk__gt=before).order_by("pk"):
        name = f"{message.kind}_{_about(message)}".rstrip("_")
        if tries[name] == MOST:
            continue
        if spoken := _spoken(message):
            tries[name] += 1
            if name not in found or len(spoken["en"].html) > len(found[name]["en"].html):
                found[name] = spoken


def _about(message: Any) -> str:
    """Return which part of its kind a mail is, where the kind has several."""
    payload, said = message.payload, message.dedupe_key.split(":")
    if message.kind == "operators":
        if "lane" in payload:
            return "late"
        return said[0] if said[0] != "operators" else said[1].rstrip("0123456789") or "app"
    if message.kind == "not_arrived":
        return "parked" if "told_at" in payload else ""
    if message.kind in {"ask", "ask_done"}:
        return "-".join(sorted(payload))
    return str(payload["what"]) if message.kind == "said" else ""


def _spoken(message: Any) -> Spoken:
    """Return the mail in each language; empty where it has nothing left to say."""
    from notifications.delivery import services as delivery
    from notifications.outbox import KINDS, NotWanted
    from users.models import User
    from users.people import languages

    made = {}
    for language in ("en-gb", "de"):
        User.objects.filter(email=message.recipient).update(language=language)
        try:
            with languages.spoken(language):
                said = delivery.as_kept(delivery.fit_mail(KINDS[message.kind].build(message)))
        except NotWanted:
            return {}
        made[language[:2]] = Said(message, said.subject, said.text, said.html)
    return made


def _keep(name: str, spoken: Spoken, now: datetime, *, rare: bool) -> dict[str, int]:
    """Write a message as it would be kept, in each language, and return where. Of what was taken back no account tells."""
    from notifications.models import Message

    ids = {}
    for language, said in spoken.items():
        of = said.message
        row = Message.objects.create(
            kind=of.kind, recipient=of.recipient, team=of.team, dedupe_key=f"photograph:{name}:{language}",
            payload={} if rare and "lane" not in of.payload else of.payload,
            state=Message.State.SENT, sent_at=now, subject=said.subject, text=said.text, html=said.html,
        )  # fmt: skip
        ids[language] = row.pk
    return ids


def _newest() -> int:
    from notifications.models import Message

    return Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _delivered(fleet: Fleet, shown: Any) -> None:
    """Have everything been sent, as a worker would have by now, and what this one said be kept."""
    from notifications.delivery import services as delivery
    from notifications.models import Message
    from notifications.outbox import KINDS

    said = delivery.as_kept(delivery.fit_mail(KINDS[shown.kind].build(shown)))
    shown.subject, shown.text, shown.html = said.subject, said.text, said.html
    shown.save()
    Message.objects.filter(state=Message.State.QUEUED).update(state=Message.State.SENT, sent_at=fleet.now)


def _states(fleet: Fleet) -> None:
    """Mails that failed, and one that waits, for the list of messages."""
    from notifications.models import Message
    from ui import stored_phrases as kept

    refused = "550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown"
    for state, more in (
        ("failed", {"error": kept.keep("words/delivery.txt", "refused", said=refused)}),
        ("queued", {}),
    ):
        Message.objects.create(
            kind="test", recipient=fleet.boss.email, dedupe_key=f"photograph:{state}", state=state, next_attempt_at=fleet.now + 3650 * DAY,
            subject="Møller & Søn Internationale… is deactivated: please re-authenticate" if more else "", **more,
        )  # fmt: skip


def _links(fleet: Fleet) -> dict[str, Any]:
    """Return the links of two warnings, one of which somebody answered, and the ids of messages that failed and wait."""
    from macros.models import Mute
    from macros.mutes import acknowledgements
    from macros.mutes.mails import sign_message
    from notifications.models import Message

    sent = list(
        Message.objects.filter(
            kind="macro",
            recipient__in=[one.email for one in fleet.people[:4]],
            state__in=["queued", "sending", "sent"],
        )
        .exclude(dedupe_key__startswith="photograph")
        .order_by("recipient")
    )
    mail, said = sent[0], sent[-1]
    acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_of(said)[:2], email=said.recipient, now=fleet.now
    )
    ids = dict(
        Message.objects.filter(dedupe_key__in=["photograph:failed", "photograph:queued"]).values_list(
            "state", "pk"
        )
    )
    return {
        "snoozed_address": Mute.objects.get(account=None, email=OUTSIDE).pk,
        "snoozed_mail": sign_message(
            Message.objects.filter(kind="said", payload__what="own_mute", recipient=OUTSIDE).earliest("pk")
        ),
        "mail": sign_message(mail),
        "mail_said": sign_message(said),
        "message_failed": ids["failed"],
        "message_waiting": ids["queued"],
    }
