"""Mails of this app: "your log-in stopped" (once per death, also when a backup took over) and "please re-authenticate"."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import faces, summary
from accounts.models import Account, AccountToken
from notifications import outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import channels, reasons
from tokens.models import Token
from users.models import User

DIED = "died"
ASK = "ask"
SHOWN = 10


def tell_of_deaths(*, token_ids: Iterable[int], now: datetime) -> None:
    """Write one message per death to the person who consented, in the caller's transaction."""
    dead = Token.objects.filter(pk__in=list(token_ids), consented_by__is_active=True)
    for token in dead.select_related("consented_by"):
        assert token.consented_by is not None  # the filter said so
        entry = token.pool_entries.select_related("account__team").order_by("id").first()
        if entry is None:
            continue  # linked to nothing: nothing stopped
        outbox.enqueue(
            kind=DIED,
            recipient=token.consented_by.email,
            team=entry.account.team,
            dedupe_key=f"died:{token.pk}:{token.generation}",
            payload={"token": token.pk, "generation": token.generation},
            now=now,
        )


def build_died(message: Message) -> Mail:
    """Build "your log-in stopped". Raises NotWanted where it works again or carries nothing any more."""
    token = _token(message)
    if token.state != Token.State.DEAD or token.generation != message.payload["generation"]:
        raise NotWanted("The log-in was renewed before this mail went out.")
    rows = _rows(token)
    if not rows:
        raise NotWanted("The log-in is linked to no account any more.")
    dark = [row for row in rows if row["dark"]]
    first = (dark or rows)[0]
    subject = f"{_short(first['account'].name)} is deactivated: please re-authenticate"
    if not dark:
        subject = f"{_short(first['account'].name)} goes on through {first['carrier']}: please re-authenticate"
    if len(rows) > 1:
        subject = f"{subject} (+{len(rows) - 1} more)"
    return _render("died", subject, token, rows, {"dark": bool(dark)})


def build_ask(message: Message) -> Mail:
    """Build "please re-authenticate", asked by staff. Raises NotWanted where the log-in was renewed meanwhile."""
    token = _token(message)
    if token.linked_at > message.created_at:
        raise NotWanted("The person re-authenticated before this mail went out.")
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    rows = _rows(token, first=message.payload["account"])
    if not rows:
        raise NotWanted("The log-in is linked to no account any more.")
    asker = str(actor) if actor else "An administrator"
    label = channels.get(token.app.channel).label
    extra = {"asker": asker, "note": message.payload.get("note", "")}
    return _render("ask", f"{asker} asks you to re-authenticate {label}", token, rows, extra)


def _token(message: Message) -> Token:
    token = (
        Token.objects.select_related("app", "consented_by").filter(pk=message.payload["token"]).first()
    )
    if token is None or token.consented_by is None:
        raise NotWanted("The log-in does not exist any more.")
    return token


def _rows(token: Token, *, first: int | None = None) -> list[dict[str, Any]]:
    """Return the accounts that hang on this log-in, those that stopped first, with what carries the others."""
    ids = AccountToken.objects.filter(token=token).values("account_id")
    now = timezone.now()
    rows = []
    for account in summary.with_pools(Account.objects.filter(pk__in=ids)):
        one = summary.of(account, now)
        carriers = [entry for entry in one.usable if entry.token_id != token.pk]
        rows.append(
            {
                "account": account,
                "dark": account.state == Account.State.DEACTIVATED,
                "carrier": faces.first_name(summary.person_name(carriers[0].token)) if carriers else "",
                "pill": one.pill,
                "days": one.days,
                "deadline": account.deadline,
            }
        )
    return sorted(rows, key=lambda row: (row["account"].pk != first, not row["dark"], row["account"].name))


def _render(
    name: str, subject: str, token: Token, rows: list[dict[str, Any]], extra: dict[str, Any]
) -> Mail:
    person = token.consented_by
    assert person is not None  # _token said so
    told = reasons.explain(
        token.app.channel, token.reason, person=token.native_user_name, account=rows[0]["account"].name, you=True
    )
    native = channels.get(token.app.channel)
    path = reverse("reauthenticate", args=[rows[0]["account"].pk])
    context = {
        "subject": subject,
        "person": person,
        "first_name": faces.first_name(str(person)),
        "token": token,
        "channel": native,
        "told": told,
        "steps": told.steps or (native.last_step,),
        "rows": rows[:SHOWN],
        "more": max(0, len(rows) - SHOWN),
        "link": f"{settings.BASE_URL}{path}",
        "home": f"{settings.BASE_URL}{reverse('my_accounts')}",
        "since": token.state_since,
        **extra,
    }
    zone = ZoneInfo(person.time_zone) if person.time_zone else timezone.get_default_timezone()
    with timezone.override(zone):
        text = render_to_string(f"mail/{name}/body.txt", context)
        html = render_to_string(f"mail/{name}/body.html", context)
    return Mail(subject=subject, text=text, html=html)


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"
