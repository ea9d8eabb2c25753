"""What staff do with macros beside the form."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from macros.models import Macro
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import ending, make_macro
from tests.portal.test_macros import (
    FORM,
    _at_noon,  # noqa: F401  # for every test here
    mira,  # noqa: F401  # a fixture
)

pytestmark = pytest.mark.django_db


def words(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_many_are_never_deleted_at_once(mira: Client) -> None:  # noqa: F811  # the fixture
    macro = make_macro().macro

    listed = mira.get("/admin/macros/macro/").content.decode()
    mira.post(
        "/admin/macros/macro/",
        {"action": "delete_selected", "_selected_action": [macro.pk], "post": "yes"},
    )

    assert "delete_selected" not in listed
    assert Macro.objects.exists()


def test_beside_an_edited_macro_stands_how_many_mails_it_sends_as_it_is_stored(mira: Client) -> None:  # noqa: F811  # the fixture
    near = ending(40, name="Near")
    for days in (5, 12):
        ending(days)
    macro = make_macro(emails=["old@lumen.example"], days=[7], accounts=[near]).macro
    form = FORM | {"name": macro.name, "emails": "old@lumen.example", "notify_consenters": "", "days": "7"}

    def beside(**typed: str) -> str:
        address = f"{reverse('admin:macros_macro_preview')}?macro={macro.pk}"
        return words(mira.post(address, form | typed).text)

    assert "Due, next 30 days 2, before: 0" in beside()
    assert "before:" not in beside(scope="chosen", description="New")
