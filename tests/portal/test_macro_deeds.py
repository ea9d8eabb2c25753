"""What staff do with macros beside the form: changes are shown before they are saved."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from macros.models import Macro
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import ending, make_macro
from tests.portal.support import notices
from tests.portal.test_macros import (
    FORM,
    _at_noon,  # noqa: F401  # for every test here
    change,
    mira,  # noqa: F401  # a fixture
    save_seen,
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


def test_what_an_edit_changes_is_shown_before_it_is_saved(mira: Client) -> None:  # noqa: F811  # the fixture
    near = ending(40, name="Near")
    for days in (5, 12):
        ending(days)
    action = make_macro(emails=["old@lumen.example"], days=[7], accounts=[near])
    form = FORM | {
        "name": action.macro.name,
        "emails": "new@lumen.example",
        "notify_consenters": "",
        "days": "7",
    }

    first = mira.post(change(action.macro), form).content.decode()
    beside = mira.post(
        f"{reverse('admin:macros_macro_preview')}?macro={action.macro.pk}", form
    ).content.decode()
    unchanged = Macro.objects.get().actions.get().emails
    saved = save_seen(mira, action.macro, form)

    said = words(first)
    assert "Nothing is saved yet. Look at what changes, then save it." in said
    assert "Due, next 30 days 2, before: 0" in said
    assert "Told from now on new@lumen.example" in said
    assert "No longer told old@lumen.example" in said
    assert "What changes" in words(beside)
    assert unchanged == ["old@lumen.example"]
    assert "Macro saved" in notices(saved)
    assert Macro.objects.get().actions.get().emails == ["new@lumen.example"]


def test_a_new_name_alone_is_saved_at_once(mira: Client) -> None:  # noqa: F811  # the fixture
    action = make_macro(emails=["old@lumen.example"], days=[7])
    form = FORM | {"name": "Renamed", "emails": "old@lumen.example", "notify_consenters": "", "days": "7"}

    mira.post(change(action.macro), form)

    assert Macro.objects.get().name == "Renamed"
