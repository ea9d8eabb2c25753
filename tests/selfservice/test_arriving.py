"""The link to an account in a mail leads each reader to the page that is theirs, and says what to do where there is none."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.portal.support import staff
from tests.support.factories import make_account, make_team, make_user
from tests.users.steps import log_in

pytestmark = pytest.mark.django_db


def test_marketers_land_on_their_page_after_logging_in(client: Client) -> None:
    account = make_account()
    make_user("ada@example.com")
    link = reverse("open_account", args=[account.pk])

    page = client.get(link)
    there = log_in(client, "ada@example.com", next=link)

    assert page.status_code == 200
    assert f"/accounts/login/?next={link.replace('/', '%2F')}" in page.text
    assert there["Location"] == link
    assert client.get(link)["Location"] == reverse("my_account", args=[account.pk])


def test_staff_land_on_authenticate_tokens(client: Client) -> None:
    account = make_account()
    staff(client)

    answer = client.get(reverse("open_account", args=[account.pk]))

    assert answer["Location"] == reverse("admin:accounts_account_change", args=[account.pk])


def test_staff_without_the_permission_land_where_marketers_do(client: Client) -> None:
    account = make_account()
    staff(client, view=False)

    answer = client.get(reverse("open_account", args=[account.pk]))

    assert answer["Location"] == reverse("my_account", args=[account.pk])


def test_an_address_without_a_log_in_is_told_what_to_do_and_reads_no_account_s_name(client: Client) -> None:
    account = make_account(name="Lumen Shoes EU")

    page, other = (client.get(reverse("open_account", args=[account.pk + more])).text for more in (0, 1))

    assert "No log-in?" in page
    assert "Lumen" not in page
    assert without_own(page, account.pk) == without_own(other, account.pk + 1)


def without_own(page: str, pk: int) -> str:
    """Return the page without its own address and the number of its forms."""
    return re.sub(
        r'(name="csrfmiddlewaretoken" value=)"\w+"',
        r"\1",
        page.replace(f"%2F{pk}%2F", "").replace(f"/{pk}/", ""),
    )


def test_somebody_of_another_team_is_told_so_and_not_which_account_it_is(client: Client) -> None:
    account = make_account(name="Lumen Shoes EU", team=make_team())
    client.force_login(make_user())

    page = client.get(reverse("open_account", args=[account.pk]))

    assert page.status_code == 404
    assert "This account is not one of yours" in page.text
    assert "Lumen" not in page.text
