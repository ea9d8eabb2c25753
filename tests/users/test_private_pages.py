"""Nothing that a person sees stays in a cache, and the browser's own is emptied at log-out."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factories import make_user

pytestmark = pytest.mark.django_db


def test_no_page_may_be_stored_searched_or_use_a_device(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    paths = [
        reverse("my_accounts"), reverse("sessions"), reverse("mfa_activate_totp"), "/admin/users/user/", "/nowhere/",
        "/accounts/login/", "/mails/x/stop/",
    ]  # fmt: skip

    answers = {path: client.get(path).headers for path in paths}

    wanted = (("Cache-Control", "no-store"), ("X-Robots-Tag", "noindex"), ("Permissions-Policy", "camera=()"))
    for name, said in wanted:
        assert [path for path, headers in answers.items() if said not in headers.get(name, "")] == []


def test_static_files_may_be_stored(client: Client) -> None:
    answer = client.get("/static/adtoken/site.css")

    answer.getvalue()  # closes the file
    assert answer.status_code == 200
    assert "no-store" not in answer.get("Cache-Control", "")


def test_logging_out_empties_the_browser_s_cache_and_nothing_else_does(client: Client) -> None:
    client.force_login(make_user())

    asked = client.get(reverse("account_logout"))
    done = client.post(reverse("account_logout"))

    assert "Clear-Site-Data" not in asked
    assert done["Clear-Site-Data"] == '"cache"'
