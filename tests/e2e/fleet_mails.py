"""The mails of the fleet, one of each kind and language, made as the worker makes them, and kept where the portal shows them."""

from typing import Any

from tests.e2e.fleet import DAY, Fleet
from tests.e2e.fleet_states import NOTE

MOST = 2  # of a kind, of which the longer one is kept


def add(fleet: Fleet, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the messages, keep what each kind says in English and German, and return where that is."""
    from notifications.models import Message

    before = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    _write(fleet, facts)
    kept = _kept(fleet, before)
    lenas = Message.objects.filter(recipient=fleet.people[0].email, kind="macro").latest("pk")
    _delivered(fleet, lenas)
    _states(fleet)
    return kept | {"message": lenas.pk, "my_message": lenas.pk} | _links(fleet)


def _write(fleet: Fleet, facts: dict[str, Any]) -> None:
    """Have each mail written by what writes it."""
    from accounts import actions, alerts, backup_invitations, backups, client_links
    from accounts.mails import backup_mail, death_mail, imported_mail, incident_mail, renewal_mail
    from accounts.models import AccountToken
    from macros import evaluation, trying
    from macros.models import Macro
    from notifications import outbox, parked_mail
    from tokens.deaths import Incident
    from users import invitations, login_changes, password_reset

    now, boss, (lena, deniz, short, emil) = fleet.now, fleet.boss, fleet.people[:4]
    of_team = [one for one in fleet.accounts if one.team_id == fleet.team.pk]
    evaluation.evaluate(now=now)
    death_mail.tell_of_deaths(token_ids=[fleet.tokens[3].pk, fleet.more[2].pk], now=now)
    actions.ask_to_reauthenticate(
        account=fleet.accounts[0], token=fleet.tokens[1], actor=boss, note=NOTE, now=now
    )
    renewal_mail.send(token=fleet.tokens[3], user=emil, now=now)
    trying.send(macro=Macro.objects.get(pk=facts["macro"]), user=boss, now=now)
    outbox.enqueue(
        kind="weekly",
        recipient=lena.email,
        dedupe_key="photograph:weekly",
        payload={"teams": [fleet.team.pk], "always": True},
        now=now,
    )
    reached = backups.offers(account_ids=[one.pk for one in fleet.backups]).values()
    offers = [offer for some in reached for offer in some if offer.token == fleet.tokens[0]]
    backup_mail.ask(lena, offers, actor=boss, note=NOTE, now=now)
    linked = AccountToken.objects.filter(token__in=[fleet.tokens[0].pk, fleet.tokens[4].pk])
    imported_mail.tell(linked, actor=boss, since=now - 400 * DAY, now=now)
    backup_invitations.invite(accounts=fleet.accounts[36:39], email=short.email, note=NOTE, by=boss, now=now)
    client_links.make(
        email="client@alpenquell.example", name="Annemarie Oberhuber", team=fleet.team, channels=["facebook"], made_by=boss, now=now,
        note=NOTE,
        accounts=[one for one in of_team if one.channel == "facebook"][:3],
    )  # fmt: skip
    outbox.enqueue(
        kind="client_link_used", recipient=boss.email, dedupe_key="photograph:used", now=now, team=fleet.team,
        payload={"client_link": facts["link_pk_used"], "channel": "facebook", "accounts": [one.pk for one in of_team[:4]]},
    )  # fmt: skip
    invitations.create(
        email="invited@alpenquell.example", name="Petra Vogel", team=fleet.team, invited_by=boss, now=now
    )
    invitations.create(email=deniz.email, team=fleet.team, invited_by=boss, now=now)
    parked_mail.tell_operators(now)
    Incident.objects.update(told_at=None)
    incident_mail.tell(now)
    alerts.tell_operators(now)
    password_reset.request_reset(email=lena.email, now=now)
    change = login_changes.LoginChange(
        login_changes.Kind.PASSWORD_CHANGED, lena, lena.email, address="192.0.2.7", browser="Firefox on Linux"
    )
    login_changes.notify(change, now=now)
    outbox.enqueue(kind="test", recipient=boss.email, dedupe_key="photograph:test", now=now)


def _kept(fleet: Fleet, before: int) -> dict[str, Any]:
    """Make the longest mail of each kind in both languages; what has nothing left to say is left out."""
    from notifications import kinds, preparing
    from notifications.kinds import NotWanted
    from notifications.models import Message
    from users import languages
    from users.models import User

    found: dict[str, dict[str, int]] = {}
    tries: dict[str, int] = {}
    for message in Message.objects.filter(pk__gt=before).order_by("pk"):
        name = (
            message.kind
            if message.kind != "operators"
            else f"operators_{message.dedupe_key.partition(':')[0]}"
        )
        if (tried := tries.setdefault(name, 0)) == MOST:
            continue
        tries[name] = tried + 1
        made: dict[str, int] = {}
        for language in ("en-gb", "de"):
            User.objects.filter(email=message.recipient).update(language=language)
            try:
                with languages.spoken(language):
                    said = preparing.as_kept(preparing.fit(kinds.KINDS[message.kind].build(message)))
            except NotWanted:
                break
            row = Message.objects.create(
                kind=message.kind, recipient=message.recipient, team=message.team, dedupe_key=f"photograph:{message.pk}:{language}",
                payload=message.payload, state=Message.State.SENT, sent_at=fleet.now, subject=said.subject, text=said.text, html=said.html,
            )  # fmt: skip
            made[language[:2]] = row.pk
        if len(made) == 2 and (name not in found or _length(made) > _length(found[name])):
            found[name] = made
    return {"mails": found}


def _length(made: dict[str, int]) -> int:
    from notifications.models import Message

    return len(Message.objects.get(pk=made["en"]).html)


def _delivered(fleet: Fleet, shown: Any) -> None:
    """Have everything been sent, as a worker would have by now, and what this one said be kept."""
    from notifications import kinds, preparing
    from notifications.models import Message

    said = preparing.as_kept(preparing.fit(kinds.KINDS[shown.kind].build(shown)))
    shown.subject, shown.text, shown.html = said.subject, said.text, said.html
    shown.save()
    Message.objects.filter(state=Message.State.QUEUED).update(state=Message.State.SENT, sent_at=fleet.now)


def _states(fleet: Fleet) -> None:
    """Mails that failed, and one that waits, for the list of messages."""
    from notifications.models import Message

    for state, more in (
        ("failed", {"error": "550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown"}),
        ("queued", {}),
    ):
        Message.objects.create(
            kind="test", recipient=fleet.boss.email, dedupe_key=f"photograph:{state}", state=state, next_attempt_at=fleet.now + 3650 * DAY,
            subject="Møller & Søn Internationale… is deactivated: please re-authenticate" if more else "", **more,
        )  # fmt: skip


def _links(fleet: Fleet) -> dict[str, Any]:
    """Return the links of two warnings, one of which somebody answered, and the ids of messages that failed and wait."""
    from macros import digest_readers, on_it, opt_outs
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
    on_it.acknowledge(deadlines=on_it.deadlines_of(said)[:2], email=said.recipient, now=fleet.now)
    ids = dict(
        Message.objects.filter(dedupe_key__in=["photograph:failed", "photograph:queued"]).values_list(
            "state", "pk"
        )
    )
    return {
        "digest_mail": digest_readers.sign(Message.objects.get(dedupe_key="photograph:weekly")),
        "mail": opt_outs.sign(mail),
        "mail_said": opt_outs.sign(said),
        "message_failed": ids["failed"],
        "message_waiting": ids["queued"],
    }
