"""What the refresh lane takes, and when it takes nothing."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from infra import liveness
from tests.support.factories import make_app, make_token
from tokens.checks.refresh_lane import RefreshLane
from tokens.models import Token
from users.installation import services as installation

pytestmark = [pytest.mark.django_db, pytest.mark.lane]


class Threads:
    """Takes work and never does it, as a channel that does not answer."""

    def submit(self, _work: Callable[..., Any], *_arguments: Any) -> "Future[None]":
        return Future()


def wanted(channel: str, count: int) -> list[Token]:
    now = timezone.now()
    return [
        make_token(make_app(channel), refresh_wanted_at=now, has_refresh_token=True) for _ in range(count)
    ]


def taken(channel: str) -> int:
    return Token.objects.filter(app__channel=channel, claimed_until__isnull=False).count()


def look(lane: RefreshLane) -> None:
    lane._look(Threads())  # type: ignore[arg-type]  # as much of an executor as it needs


def test_an_app_that_does_not_answer_leaves_room_for_the_others_and_its_claims_are_kept_alive() -> None:
    wanted("snapchat", 9)
    lane = RefreshLane(at_once=6)
    look(lane)
    wanted("pinterest", 3)

    look(lane)
    Token.objects.filter(claimed_until__isnull=False).update(
        claimed_until=timezone.now() - timedelta(seconds=1)
    )
    lane.keep_claimed(timezone.now())
    look(lane)

    assert (taken("snapchat"), taken("pinterest")) == (2, 2)
    soonest = timezone.now() + liveness.CLAIM - timedelta(seconds=5)
    assert Token.objects.filter(claimed_until__gt=soonest).count() == 4


def test_while_more_is_due_than_there_is_room_for_each_look_takes_more() -> None:
    now = timezone.now()
    app = make_app("snapchat")
    for _ in range(5):
        make_token(app, due_at=now, due_for=Token.DueFor.REFRESH, has_refresh_token=True)
    lane, taken_at = RefreshLane(at_once=6), []

    for _look in range(4):
        look(lane)
        taken_at.append(sorted(lane._running))
        for token_id in taken_at[-1]:
            Token.objects.filter(pk=token_id).update(due_at=None, claimed_until=None)
            lane._made(token_id, Future())

    assert [len(some) for some in taken_at] == [2, 2, 1, 0]
    assert len({token_id for some in taken_at for token_id in some}) == 5


def test_two_processes_share_what_is_wanted_and_never_make_the_same() -> None:
    wanted("snapchat", 4)
    one, other = RefreshLane(at_once=6), RefreshLane(at_once=6)

    look(one)
    look(other)

    assert len(one._running) == len(other._running) == 2
    assert not set(one._running) & set(other._running)


def test_nothing_is_taken_while_the_installation_is_on_hold_or_the_process_is_to_stop() -> None:
    wanted("snapchat", 1)
    stopping = RefreshLane()
    stopping.stop()
    look(stopping)

    installation.put_on(because="a test.", now=timezone.now())
    look(RefreshLane())

    assert taken("snapchat") == 0
