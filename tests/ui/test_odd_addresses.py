"""Addresses that no page makes."""

import pytest
from django.test import Client

from tests.support.factories import make_account, make_user


@pytest.mark.django_db
def test_nul_in_an_address_is_refused_by_each_page(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True, language="de"))
    make_account()
    odd = [
        "/?q=%00",
        "/backups/invite/?alone&q=a%00",
        "/admin/search/?s=%00",
        "/admin/why/?account=%00",
        "/admin/accounts/account/?person=%00",
        "/admin/accounts/linkproblem/?kind__exact=%00",
        "/admin/notifications/message/?to=%00",
        "/admin/users/loginrecord/?address=%00",
        "/admin/users/user/%00/change/",
        "/give-access/%00/",
    ]

    answers = [client.get(one) for one in odd]

    assert [one.status_code for one in answers] == [400] * len(odd)
    assert all("Diese Anfrage ist nicht verständlich" in one.text for one in answers)
