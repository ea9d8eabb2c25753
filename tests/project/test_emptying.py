"""What a test with real transactions leaves to the next one (tests/support/emptying.py)."""

import pytest
from django.contrib.auth.models import Permission

from macros.models import Macro
from tests.support import emptying
from tests.support.factories import make_account
from tests.support.rows import fingerprints

pytestmark = pytest.mark.django_db(transaction=True)


def test_rows_go_and_what_migrate_made_is_there_again_as_it_was() -> None:
    before = fingerprints()
    Permission.objects.latest("pk").delete()
    Macro.objects.update(name="Another")
    make_account()
    assert len([table for table, found in fingerprints().items() if found != before[table]]) >= 4

    emptying.empty()

    assert fingerprints() == before
