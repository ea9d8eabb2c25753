"""Rows as the product writes them, in number, and how many bytes one takes with its indexes."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models

from accounts.models import Account, AccountEvent, LeaseRecord
from benchmarks import data
from macros.models import Evaluation, Notice
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import KINDS
from tokens.models import Token, TokenEvent

ACCOUNTS = 1_000


class Rows:
    """A small installation, to which rows of one kind after the other are added. Every method returns bytes per row."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        data.fill(accounts=ACCOUNTS, now=now)
        self._tokens = list(Token.objects.values_list("pk", flat=True))
        self._accounts = list(Account.objects.values_list("pk", flat=True))
        evaluation.evaluate(now=now)
        message = Message.objects.filter(kind="macro").earliest("pk")
        self._mail = KINDS["macro"].build(message)
        self._kept = Notice.objects.select_related("evaluation").earliest("pk")

    def renewals(self, count: int) -> float:
        """Renewals of log-ins."""
        return _added(
            count,
            lambda n: TokenEvent(token_id=self._token(n), kind="renewed", source="sweep", at=self._at(n)),
        )

    def deaths(self, count: int) -> float:
        """Ends of log-ins, with what the channel answered."""
        answer = {
            "status": 400,
            "body": {"error": {"code": 190, "error_subcode": 460, "type": "OAuthException"}},
        }
        detail = {"reason": "password_changed", "evidence": answer}
        return _added(
            count,
            lambda n: TokenEvent(
                token_id=self._token(n), kind="died", source="sweep", detail=detail, at=self._at(n)
            ),
        )

    def account_events(self, count: int) -> float:
        """Shifts of accounts."""
        return _added(
            count,
            lambda n: AccountEvent(
                account_id=self._account(n),
                kind="shifted",
                from_token_id=self._token(n),
                token_id=self._token(n + 1),
                cause="password_changed",
                source="sweep",
                at=self._at(n),
            ),
        )

    def hand_outs(self, count: int) -> float:
        """Records of tokens handed out."""
        return _added(
            count,
            lambda n: LeaseRecord(
                at=self._at(n),
                kind="lease",
                key_id=1,
                caller="Publisher",
                address="203.0.113.9",
                account_id=self._account(n),
                token_id=self._token(n),
                generation=3,
                purpose="publish",
                lease_hash=f"{n:032x}",
            ),
        )

    def notices(self, count: int) -> float:
        """Notices of macros, a thousand a day."""
        facts = {"action_id": self._kept.action_id, "team_id": self._kept.team_id, "outcome": "mailed"}
        runs = Evaluation.objects.bulk_create(
            Evaluation(on_date=self._now.date(), trigger="hand", started_at=self._at(n))
            for n in range(count // ACCOUNTS + 1)
        )
        return _added(
            count,
            lambda n: Notice(
                evaluation=runs[n // ACCOUNTS],
                account_id=self._account(n),
                cycle=100 + n // ACCOUNTS,
                threshold=7,
                recipient=f"p{n % 50}@example.com",
                deadline=self._at(n),
                **facts,
            ),
        )

    def whole_mails(self, count: int) -> float:
        """Mails as they are kept at first: a warning of a macro, as it was really built."""
        return self._mails(count, text=self._mail.text, html=self._mail.html)

    def bare_mails(self, count: int) -> float:
        """Mails whose texts were removed."""
        return self._mails(count, text="", html="")

    def _mails(self, count: int, *, text: str, html: str) -> float:
        key = next(_keys)
        return _added(
            count,
            lambda n: Message(
                kind="macro",
                recipient=f"p{n % 50}@example.com",
                dedupe_key=f"growth:{key}:{n}",
                state="sent",
                attempts=1,
                created_at=self._at(n),
                sent_at=self._at(n),
                message_id=f"<{n:036}@adtoken.example>",
                subject=self._mail.subject,
                text=text,
                html=html,
            ),
        )

    def _at(self, number: int) -> datetime:
        return self._now + timedelta(seconds=number)

    def _token(self, number: int) -> int:
        return self._tokens[number % len(self._tokens)]

    def _account(self, number: int) -> int:
        return self._accounts[number % len(self._accounts)]


_keys = itertools.count()


def _added(count: int, make: Callable[[int], models.Model]) -> float:
    """Add rows. Returns by how many bytes table and indexes grew for one."""
    model: Any = type(make(0))
    before = _size(model)
    model.objects.bulk_create((make(number) for number in range(count)), batch_size=1_000)
    return (_size(model) - before) / count


def _size(model: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_total_relation_size(%s)", [model._meta.db_table])  # noqa: SLF001  # Django documents it
        return int(cursor.fetchone()[0])
