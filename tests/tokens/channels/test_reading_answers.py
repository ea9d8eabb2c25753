"""What the packages share in reading answers: each is read once, lists by pages, roles by names. No channel is asked."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tokens.channels.classifier import Facts
from tokens.channels.http import Limit
from tokens.channels.kinds import Answer, ChannelError, Classification, Reason, Verdict
from tokens.channels.paging import Pages
from tokens.channels.roles import RoleTable
from tokens.channels.verdict_table import VerdictTable

Ask = Callable[[str], tuple[str, str | None]]
TROUBLE = ChannelError(Classification(Verdict.TRANSIENT, Reason.TRANSIENT))


def leading(pages: Mapping[str, str | None]) -> tuple[Ask, list[str]]:
    """A list whose cursors lead on as given; a cursor that leads nowhere fails. Returns what was asked for, too."""
    asked: list[str] = []

    def ask(cursor: str) -> tuple[str, str | None]:
        asked.append(cursor)
        if cursor not in pages:
            raise TROUBLE
        return f"page {cursor}", pages[cursor]

    return ask, asked


@pytest.mark.parametrize(
    ("cursors", "asked"),
    [
        ({"": "b", "b": "b"}, ["", "b"]),  # in a circle
        ({"": ""}, [""]),  # more is promised, and nothing leads there
        ({"": "b"}, ["", "b"]),  # a later page fails
        ({"": "b", "b": "c", "c": "d", "d": None}, ["", "b", "c"]),  # more than we read
    ],
)
def test_a_list_of_which_not_all_came_says_so(cursors: Mapping[str, str | None], asked: list[str]) -> None:
    ask, seen = leading(cursors)
    pages = Pages(ask, most=3)

    list(pages)

    assert (seen, pages.complete) == (asked, False)


def test_time_that_is_over_ends_a_list_behind_its_first_page() -> None:
    ask, seen = leading({"": "b", "b": None})
    pages = Pages(ask, most=9, limit=Limit(0.0))

    list(pages)

    assert (seen, pages.complete) == ([""], False)


def test_an_answer_is_read_once_and_what_it_lacks_is_told() -> None:
    read: list[Answer] = []

    def facts_of(answer: Answer, body: Any) -> Facts:
        read.append(answer)
        return Facts(answer.call, answer.status, shape="fine")

    table = VerdictTable("friendster", (), facts_of, lists=("data",))
    whole, lacking = Answer("list_accounts", 200, body={"data": [1]}), Answer("list_accounts", 200, body={})

    found = table.require_ok(whole)
    with pytest.raises(ChannelError) as caught:
        table.require_ok(lacking)

    assert (found, read) == ({"data": [1]}, [whole, lacking])
    assert caught.value.classification == table.classify(lacking)
    assert caught.value.classification.row == "answer without a list"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["READ", "WRITE"], ("Writer", "yes")),
        (["READ"], ("Reader", "no")),
        (["READ", "NEW"], ("Reader", "unknown")),
        (["OWN"], ("Owner", "unknown")),
        (["NEW"], ("NEW", "unknown")),
        (["BESIDE"], ("No role", "no")),
        ([], ("No role", "no")),
        (None, ("", "unknown")),
    ],
)
def test_a_role_is_the_widest_and_a_name_that_is_new_leaves_publishing_open(
    names: list[str] | None, found: tuple[str, str]
) -> None:
    roles = RoleTable(
        {"OWN": "Owner", "WRITE": "Writer", "READ": "Reader"},
        publishing=frozenset({"WRITE"}),
        unclear=frozenset({"OWN"}),
        beside=frozenset({"BESIDE"}),
    )

    assert roles.widest(names) == found
