"""Parts of libraries that are not public: an upgrade that changes one is told of here, with its name."""

import inspect

import pytest
from allauth.account.internal.flows import login
from allauth.socialaccount.internal import statekit
from django.db import transaction
from kombu.transport import redis

from infra import private_parts
from tests.support.factories import make_team, make_user
from users.models import Team


@pytest.mark.parametrize(
    ("part", "taken"),
    [
        (login.record_authentication, ["request", "user", "method", "extra_data"]),
        (private_parts.convert_exception_to_response, ["get_response"]),
        (statekit.unstash_state, ["request", "state_id", "provider_id", "raises"]),
        (
            vars(redis.Channel)["_connparams"],
            ["self", "asynchronous"],
        ),  # in adtoken_project/celery.py
    ],
)
def test_a_private_function_takes_what_it_took(part: object, taken: list[str]) -> None:
    assert callable(part)
    assert list(inspect.signature(part).parameters) == taken


def test_a_state_is_kept_for_ten_minutes() -> None:
    assert private_parts.STATE_TTL == 600


def call() -> None:
    """Be registered."""


@pytest.mark.django_db(transaction=True)
def test_what_is_called_on_commit_is_found_until_the_commit() -> None:
    with transaction.atomic():
        before = private_parts.is_called_on_commit(call)
        transaction.on_commit(call)
        registered = private_parts.is_called_on_commit(call)

    assert (before, registered, private_parts.is_called_on_commit(call)) == (False, True, False)


@pytest.mark.django_db
def test_a_relation_that_was_prefetched_is_told_from_one_that_is_asked_for() -> None:
    team = make_team()
    make_user(team=team)

    plain = Team.objects.get(pk=team.pk)
    loaded = Team.objects.prefetch_related("memberships").get(pk=team.pk)

    assert list(plain.memberships.all()) == list(loaded.memberships.all()) != []
    assert not private_parts.is_prefetched(plain, "memberships")
    assert private_parts.is_prefetched(loaded, "memberships")
