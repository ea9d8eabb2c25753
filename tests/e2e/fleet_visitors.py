"""Who opens the pages of the fleet: people who are logged in, strangers back from a channel; and pages that no address shows."""

import json
from collections.abc import Callable
from typing import Any

from accounts.models import Ask
from tests.e2e.fleet import DAY, NOTHING, RAW, Fleet, offered

CAREFUL = "careful@example.com"


def add(fleet: Fleet) -> dict[str, Any]:
    """Write sessions and links, and return them by name."""
    facts: dict[str, Any] = {}
    parts: tuple[Callable[[Fleet], dict[str, Any]], ...] = (_careful, _renewals, _sessions, _made)
    for part in parts:
        facts |= part(fleet)
    return facts


def _careful(fleet: Fleet) -> dict[str, Any]:
    """Somebody with an authenticator app, recovery codes and security keys."""
    from allauth.mfa.models import Authenticator

    from infra.keys import seal
    from tests.support import factories
    from tests.support.security_key import SecurityKey

    registered = json.loads(SecurityKey().registration("photograph"))
    carla = factories.make_user(CAREFUL, name="Carla Careful")
    for kind, data in (
        ("totp", {"secret": seal("JBSWY3DPEHPK3PXP")}),
        ("recovery_codes", {"seed": seal("a" * 40), "used_mask": 0}),
        (
            "webauthn",
            {"name": f"The blue key on the ring, for Innsbruck {RAW}", "credential": registered},
        ),
        ("webauthn", {"name": "Phone", "credential": registered}),
    ):
        made = Authenticator.objects.create(user=carla, type=kind, data=data, last_used_at=fleet.now)
    return {"security_key": made.pk}


def _renewals(fleet: Fleet) -> dict[str, Any]:
    """Personal links: open, of many accounts, of an app that retires, renewed since, expired, and of a log-in that is another's now."""
    from django.utils import timezone

    from accounts.renewal_links import services as renewal_links
    from tokens.models import Token

    now, tokens = fleet.now, fleet.tokens
    emils, lenas = tokens[3], tokens[0]
    leaves = Token.objects.filter(app__is_default=False, consented_by__isnull=False).order_by("pk")[0]
    assert leaves.consented_by
    mailed = timezone.now()  # the pages name accounts that were linked by then
    links = {
        "renew": renewal_links.link_for(token=emils, user=emils.consented_by, issued=mailed),
        "renew_many": renewal_links.link_for(
            token=fleet.more[1], user=fleet.more[1].consented_by, issued=mailed
        ),
        "renew_moves": renewal_links.link_for(token=leaves, user=leaves.consented_by, issued=mailed),
        "renew_expired": renewal_links.link_for(token=emils, user=emils.consented_by, issued=now - 15 * DAY),
        "renew_over": renewal_links.link_for(token=lenas, user=fleet.people[1], issued=now),
    }
    lenas.linked_at -= DAY
    links["renew_renewed"] = renewal_links.link_for(token=lenas, user=fleet.people[0], issued=now)
    return {name: link.signed for name, link in links.items()}


def _sessions(fleet: Fleet) -> dict[str, Any]:
    """Log everybody in whom the photographs need, and put strangers where a channel would send them back to."""
    from django.conf import settings
    from django.test import Client

    from accounts.asks import links
    from accounts.models import PendingLink
    from accounts.renewal_links import services as renewal_links
    from accounts.renewal_links import views as renewal
    from users.models import User
    from users.sessions.services import SessionStore

    def logged_in(user: Any) -> str:
        client = Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0")
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client.cookies[settings.SESSION_COOKIE_NAME].value

    def stranger(name: str, value: dict[str, Any]) -> str:
        session = SessionStore()
        session[name] = value
        session.save()
        return str(session.session_key)

    link = links.make_link(
        email="choosing@alpenquell.example", name="Annemarie", team=fleet.team, channels=["facebook"], made_by=fleet.people[0],
        now=fleet.now,
        asked_for=[("facebook", "4711")],
    )  # fmt: skip
    contact = links.make_contact(link)
    pending = PendingLink.objects.create(user=contact, token=fleet.tokens[0], offered=offered())
    used = Ask.objects.client_links().filter(email="used@alpenquell.example").latest("pk")
    done = fleet.more[0]
    type(done).objects.filter(pk=done.pk).update(linked_at=fleet.now)
    renewed = renewal_links.link_for(token=done, user=done.consented_by, issued=fleet.now - DAY)
    people = {
        "boss": fleet.boss, "marketer": fleet.people[0], "nothing": User.objects.get(email=NOTHING), "new": fleet.new,
        "careful": User.objects.get(email=CAREFUL),
    }  # fmt: skip
    return {
        "visitors": [user.pk for user in people.values()],
        "client_list": str(pending.pk),
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": {name: logged_in(user) for name, user in people.items()} | {
            "client": stranger(str(pending.pk), {"link": link.pk}),
            "client_done": stranger(str(pending.pk), {"link": used.pk, "done": "facebook", "name": "Annemarie"}),
            "renewed": stranger(renewal.DONE, {**renewed.facts(), "lost": [], "complete": True}),
        },
    }  # fmt: skip


def _made(fleet: Fleet) -> dict[str, Any]:
    """Pages that no address shows by itself, in both languages: what is answered where something went wrong."""
    from django.contrib.auth.models import AnonymousUser
    from django.template.loader import render_to_string
    from django.test import RequestFactory

    from users.people import languages

    request = RequestFactory().get("/renew/photograph/")
    request.user = AnonymousUser()
    people = {
        "came": "Ben Lindqvist",
        "wanted": "Lena Maximiliane von Hohenstein-Wittelsbach",
        "channel": "Facebook",
        "again_url": "/",
    }
    error = {
        "kind": "too_late", "channel": "Facebook", "channel_key": "facebook", "icon": "schedule", "code": "LNK-7QX4", "at": fleet.now,
        "again_url": "/",
    }  # fmt: skip
    pages: dict[str, tuple[str, dict[str, Any]]] = {
        "429": ("selfservice/renew/too_often.html", {}), "500": ("500.html", {}), "too_long": ("503.html", {"took_too_long": True}),
        "somebody_else": ("selfservice/renew/somebody_else.html", people),
        "link_error": ("selfservice/link_error.html", error),
        "sent_again": ("selfservice/renew/sent_again.html", {}), "on_hold": ("selfservice/on_hold.html", {}),
    }  # fmt: skip
    made: dict[str, dict[str, str]] = {name: {} for name in pages}
    for language in ("en-gb", "de"):
        with languages.spoken(language):
            for part in ("heading", "cause"):
                error[part] = render_to_string("words/link_error.html", {**error, "part": part}).strip()
            for name, (template, context) in pages.items():
                made[name][language[:2]] = render_to_string(template, context, request)
    return {"made": made}
