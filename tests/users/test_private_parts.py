"""Parts of libraries that are not public: an upgrade that changes one is told of here, with its name."""

import inspect

import httpcore2
import httpx2
import pytest
from allauth.account.internal.flows import login
from allauth.socialaccount.internal import statekit
from kombu.transport import redis

from infra import private_parts


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


def test_a_transport_sends_through_its_pool() -> None:
    assert isinstance(vars(httpx2.HTTPTransport())["_pool"], httpcore2.ConnectionPool)
