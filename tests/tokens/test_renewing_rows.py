"""What renews itself: rows say so of each token as one token says it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, make_app, make_token
from tokens.models import Token
from tokens.token import queries

pytestmark = pytest.mark.django_db


def test_rows_say_of_each_token_what_one_token_says() -> None:
    pinterest, facebook = make_app("pinterest"), make_app("facebook")
    year, soon = NOW - timedelta(days=315), NOW + timedelta(hours=1)
    whole = {"deadline_kind": "date", "deadline": NOW + timedelta(days=50), "has_refresh_token": True}
    kinds: list[dict[str, Any]] = [
        {},
        {"refresh_refused_at": NOW},
        {"has_refresh_token": False},
        {"state": "cooling"},
        {"deadline": NOW + timedelta(days=46)},
        {"linked_at": year, "refresh_expires_at": year + timedelta(days=365)},
        {"linked_at": year, "refresh_expires_at": year + timedelta(days=375)},
        {"refresh_unanswered_at": NOW, "access_expires_at": soon + timedelta(days=20)},
        {"refresh_unanswered_at": NOW, "access_expires_at": NOW},
        {"app": facebook},
    ]
    tokens = [make_token(facts.pop("app", pinterest), **(whole | facts)) for facts in kinds]

    by_rows = set(Token.objects.filter(queries.renewing_tokens(now=NOW)))

    assert by_rows == {one for one in tokens if one.renews_itself(NOW)}
    assert 2 <= len(by_rows) < len(tokens)
