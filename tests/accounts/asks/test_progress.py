"""How far a log-in is that was asked for, by what holds of it, its person and its last mail. Without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.asks import progress
from accounts.asks.models import Ask, AskLine
from accounts.asks.progress import Around
from tokens.models import ChannelApp, Token
from users.models import User

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def token(**fields: Any) -> Token:
    facts = {
        "state": "valid",
        "linked_at": BEGAN - HOUR,
        "consented_by": User(pk=1, is_active=True),
        **fields,
    }
    return Token(app=ChannelApp(channel="facebook", is_default=True), **facts)


def stage(of: Token, around: Around = Around(), **line: Any) -> tuple[str, str]:  # noqa: B008  # frozen
    ask = Ask(created_at=BEGAN, ends_at=BEGAN + timedelta(days=14))
    facts = {"asked_at": BEGAN, "mails": 1, "was_dead": False, **line}
    return progress.stage_of(AskLine(ask=ask, token=of, **facts), around)


@pytest.mark.parametrize(
    ("fields", "around", "line", "expected"),
    [
        ({}, Around(mail="sent"), {}, ("sent", "")),
        ({}, Around(mail="queued"), {}, ("waiting", "")),
        (
            {},
            Around(mail="queued"),
            {"sent_at": BEGAN},
            ("sent", ""),
        ),  # a reminder that waits takes nothing back
        ({}, Around(mail="failed"), {}, ("failed", "mail_failed")),
        ({}, Around(mail="failed"), {"opened_at": BEGAN + HOUR}, ("opened", "")),
        ({}, Around(mail="failed"), {"opened_at": BEGAN - HOUR}, ("failed", "mail_failed")),
        ({}, Around(parked=True), {}, ("failed", "parked")),
        ({}, Around(parked=True), {"at_channel_at": BEGAN + HOUR}, ("at_channel", "")),
        ({}, Around(linked=False), {}, ("not_askable", "not_linked")),
        ({"linked_at": BEGAN + HOUR}, Around(parked=True), {}, ("done", "")),
        ({"kind": "system"}, Around(), {}, ("not_askable", "system_user")),
        ({"consented_by": None}, Around(), {}, ("not_askable", "nobody_known")),
        ({"consented_by": User(pk=1, is_active=False)}, Around(), {}, ("not_askable", "person_left")),
        ({"state": "dead", "reason": Token.REMOVED}, Around(), {}, ("not_askable", "removed")),
        ({}, Around(), {"was_dead": True}, ("done", "works_again")),
        (
            {"deadline": BEGAN + HOUR},
            Around(),
            {"was_dead": True},
            ("sent", ""),
        ),  # it ends before the ask does
        (
            {},
            Around(),
            {"trouble": progress.SOMEBODY_ELSE, "at_channel_at": BEGAN},
            ("failed", "somebody_else"),
        ),
        ({}, Around(), {"at_channel_at": BEGAN, "opened_at": BEGAN}, ("at_channel", "")),
        ({}, Around(), {"mails": 0, "asked_at": None}, ("waiting", "")),
    ],
)
def test_a_line_is_as_far_as_what_holds_says(
    fields: dict[str, Any], around: Around, line: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert stage(token(**fields), around, **line) == expected
