"""A mail about very many accounts names the first, counts the rest, and looks at few pools."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Account, AccountToken
from accounts.pool import services as pool
from macros.models import Macro
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import KINDS, Mail
from tests.macros.support import make_macro
from tests.support import news
from tests.support.asking import ask_now
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_token, make_user
from tokens.models import Token
from users.models import User

pytestmark = pytest.mark.django_db

MANY = 30


@pytest.fixture
def ada() -> User:
    Macro.objects.all().delete()
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def hers(ada: User) -> Token:
    """One log-in that carries many accounts."""
    token = make_token(consented_by=ada, deadline=NOW + timedelta(days=7))
    accounts = [make_account(name=f"Account {number:02}") for number in range(MANY)]
    for account in accounts:
        link(account, token)
    with transaction.atomic():
        pool.settle(token_ids=[token.pk], cause="linked", now=NOW)
    return token


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The accounts whose pools were put in order."""
    found: list[int] = []
    in_order = Account.pool_in_order

    def noting(account: Account) -> list[AccountToken]:
        found.append(account.pk)
        return in_order(account)

    monkeypatch.setattr(Account, "pool_in_order", noting)
    return found


def built(kind: str) -> Mail:
    message = Message.objects.get(kind=kind)
    return KINDS[kind].build(message)


def words(mail: Mail) -> str:
    return " ".join(mail.text.split())


def test_a_log_in_that_stopped(hers: Token, looked_at: list[int]) -> None:
    end(hers)

    mail = news.built()

    assert mail.subject.endswith("(+29 more)")
    assert "and 26 more" in words(mail)
    assert "30 accounts" in words(mail)
    assert len(looked_at) <= 10


def test_an_ask(ada: User, hers: Token, looked_at: list[int]) -> None:
    end(hers)
    asked = Account.objects.get(name="Account 27")
    ask_now(people=[[(asked, hers)]], user=ada, note="", now=NOW + timedelta(days=1))

    mail = built("ask")

    assert "Account 27" in words(mail), "what was asked about comes first"
    assert "and 26 more" in words(mail)
    assert len(looked_at) <= 10


def test_a_log_in_that_stopped_for_who_stands_in(
    ada: User, hers: Token, looked_at: list[int], settings: Any
) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    end(hers)

    mail = news.built()

    assert mail.subject.endswith("(+29 more)")
    assert "Account 00 and 29 more" in words(mail)
    assert len(looked_at) <= 10


@pytest.mark.usefixtures("at_now")
def test_a_warning(ada: User, hers: Token, looked_at: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("macros.warnings.revalidation.LOADED", 10)
    make_macro(emails=[], notify_consenters=True)
    Account.objects.filter(name="Account 21").update(deadline=NOW + timedelta(days=6))
    Token.objects.update(cycle_since=NOW - timedelta(days=60))
    Account.objects.update(cycle_since=NOW - timedelta(days=60))
    evaluation.evaluate(now=NOW)

    mail = built("macro")

    assert mail.subject.startswith("Account 21"), "what ends first"
    assert mail.subject.endswith("(+29 more)")
    assert "20 more are no more urgent than these." in words(mail)
    assert "and 20 more." in words(mail)
    assert len(looked_at) <= 10
