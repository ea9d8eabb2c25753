"""Whoever has a forwarded mail can say "I am on it" in its reader's name: others hear of it once, and presses have an end."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account, AccountEvent
from macros.models import Mute
from macros.mutes import acknowledgements
from macros.mutes.mails import ON_IT, OWN_MUTE, SAID, sign_message
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.support import TODAY, WATCHER, ending, make_macro, make_person
from tests.macros.test_links_in_mails import evaluate
from tests.macros.test_quiet import DAY, OTHER, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]


def warned(*names: str, readers: tuple[str, ...] = (WATCHER, OTHER)) -> tuple[Message, list[Account]]:
    """Readers were warned of accounts; the mail that the first of them forwards."""
    accounts = [ending(7, name=name) for name in names]
    make_macro(emails=list(readers), days=[7])
    evaluate()
    sent()
    Message.objects.update(state="sent", subject="Lumen Shoes ends in 7 days")
    return Message.objects.get(kind="macro", recipient=readers[0]), accounts


def told(what: str) -> list[str]:
    return list(
        Message.objects.filter(kind=SAID, payload__what=what)
        .order_by("pk")
        .values_list("recipient", flat=True)
    )


def test_said_again_and_again_it_is_mailed_once_and_refused_in_the_end_but_never_the_way_back(
    settings: Settings,
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "link_pressed": "2/3600s/key"}
    message, (account,) = warned("Lumen Shoes")
    signed, anybody = sign_message(message), Client()
    page = reverse("answer_mail", args=[signed])
    until = {"do": "mute", "account": account.pk, "until": (TODAY + DAY).isoformat()}

    answers = [
        anybody.post(page, form).status_code
        for _ in range(3)
        for form in ({"do": "on_it", "account": account.pk}, {"do": "take_back"})
    ]
    snoozed = [anybody.post(page, until).status_code for _ in range(3)]
    ended = anybody.post(page, {"do": "mail_again"}).status_code

    assert answers == [302] * 4 + [429, 302]
    assert told(ON_IT) == [OTHER]
    assert AccountEvent.objects.filter(kind="acknowledged").count() == 4
    assert (snoozed, ended) == ([302] * 2 + [429], 302)
    assert not Mute.objects.filter(ended_at=None).exists()


def test_others_are_mailed_once_however_often_it_is_said_while_it_is_no_more_urgent() -> None:
    message, _ = warned("Lumen Shoes")
    deadlines = acknowledgements.deadlines_of(message)
    mailed = []

    for hours in (0, 1, 3, 30):
        now = message.created_at + hours * DAY / 24
        acknowledgements.acknowledge(deadlines=deadlines, email=WATCHER, now=now)
        acknowledgements.take_back(deadlines=deadlines, email=WATCHER, now=now)
        mailed.append(len(told(ON_IT)))

    assert mailed == [1, 1, 1, 2]


def test_its_reader_does_not_hear_of_a_snooze_at_an_address_got_since_whose_link_would_open_nothing() -> None:
    ada = make_person("ada@exmaple.com", name="Ada Stone")
    message, _ = warned("Lumen Shoes", readers=(ada.email, OTHER))
    Client().post(
        reverse("answer_mail", args=[sign_message(message)]),
        {"do": "mute", "all": "on", "until": (TODAY + DAY).isoformat()},
    )
    waiting = Message.objects.get(kind=SAID, payload__what=OWN_MUTE)

    ada.email = "ada@example.com"
    ada.save()

    waiting.refresh_from_db()
    assert waiting.recipient == ada.email
    with pytest.raises(NotWanted, match="The person has another e-mail address now"):
        KINDS[SAID].build(waiting)
