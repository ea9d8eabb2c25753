"""The drill of tests/faults/keys.py in short: killed once, and the naive control. `python -m tests.faults.keys` is the whole of it."""

import pytest
from pytest_django import Settings

from tests.faults import keys

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_rotation_that_is_killed_loses_no_renewal_and_leaves_nothing_on_the_old_key(
    settings: Settings,
) -> None:
    settings.FERNET_KEYS = settings.FERNET_KEYS  # is put back at the end

    result = keys.drill(tokens=300, readers=5, writers=3, kills=1, batch=20)

    assert result.kills == 1
    assert result.renewals > 10
    assert (result.failed_reads, result.lost_renewals, result.left_on_old_key) == ([], 0, 0)


def test_without_the_comparison_renewals_are_lost(settings: Settings) -> None:
    settings.FERNET_KEYS = settings.FERNET_KEYS

    result = keys.drill(tokens=300, readers=0, writers=3, kills=0, batch=100, naive=True)

    assert result.lost_renewals > 0
