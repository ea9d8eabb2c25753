"""A refusal that has a line of our own gets none of Django's beside it."""

import pytest
from django.test import Client

from tests.support.factories import make_user


@pytest.mark.django_db
def test_a_refusal_by_the_api_is_told_once_and_a_page_that_is_not_there_by_django(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/api/v1/accounts")
    by_api = [record.name for record in caplog.records]
    caplog.clear()
    client.get("/nowhere/")
    by_django = [record.name for record in caplog.records]

    assert by_api == ["adtoken_project.api.middleware"]
    assert by_django == ["django.request"]


@pytest.mark.django_db
def test_a_refused_page_is_one_line_that_names_person_and_page(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    person = make_user(is_staff=True)
    client.force_login(person)

    client.get("/admin/users/user/")

    [line] = caplog.records
    assert line.getMessage() == f"Forbidden (Permission denied): /admin/users/user/ (user {person.pk})"
    assert line.exc_info is None
