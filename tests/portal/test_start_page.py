"""The portal's start page: what it asks the database."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from adtoken_project import operations_notices
from portal import start_page
from tests.support.factories import link, make_account, make_token, make_user

pytestmark = pytest.mark.django_db


def test_staff_see_which_version_runs_and_nobody_else_does(client: Client, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    settings.RELEASE = "blue"
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get("/admin/").content.decode()
    log_in = Client().get(reverse("account_login")).content.decode()

    assert "AdToken 0.1.0, release blue" in page
    assert "AdToken" in log_in
    assert "blue" not in log_in


def test_it_costs_a_superuser_the_same_however_many_accounts_there_are(
    client: Client, settings: Settings
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(make_user(is_staff=True, is_superuser=True))

    def asked(more: int) -> list[str]:
        token = make_token()
        for _ in range(more):
            link(make_account(), token)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/").status_code == 200
        return [query["sql"] for query in queries]

    asked(1)  # what a process asks once
    few, many = asked(1), asked(20)

    assert len(many) == len(few)
    about_accounts = [sql for sql in many if "accounts_account" in sql]
    assert about_accounts
    assert [sql for sql in about_accounts if not re.search(r"LIMIT \d+", sql)] == []


def test_the_root_has_registered_its_notices_and_each_stands_on_the_page(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(make_user(is_staff=True, is_superuser=True))
    registered = list(start_page.NOTICES)
    monkeypatch.setattr(start_page, "NOTICES", [lambda _now: ["No worker runs for: mails."]])

    page = client.get("/admin/").content.decode()

    assert registered == [operations_notices.notices]
    assert "No worker runs for: mails." in page
