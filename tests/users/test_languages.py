"""Pages speak the reader's language: chosen in the profile, else as the browser asks for it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language
from pytest_django import Settings

from tests.support.factories import PASSWORD, make_user
from tests.tools import visible
from users.models import User

GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.5"}


def spoken(client: Client, path: str, **headers: str) -> str:
    """Return the language of a page, by its header and its own tag, which agree."""
    answer = client.get(path, headers=headers)
    language = answer.headers["Content-Language"]
    assert f'<html lang="{language}"' in answer.text
    return language


@pytest.mark.django_db
def test_a_page_speaks_as_the_browser_asks_and_then_as_the_person_chose(client: Client) -> None:
    lena = make_user("lena@example.com")
    log_in, profile = reverse("account_login"), reverse("profile")
    before = [spoken(client, log_in), spoken(client, log_in, **GERMAN)]
    client.force_login(lena)
    User.objects.update(language="")  # as of somebody whose last log-in was before there were languages

    by_browser = spoken(client, profile, **GERMAN)
    client.post(profile, {"name": "Lena", "language": "en-gb", "time_zone": "", "theme": "auto"})
    chosen = spoken(client, profile, **GERMAN)

    assert (before, by_browser, chosen) == (["en-gb", "de"], "de", "en-gb")
    assert get_language() == "en-gb", "the thread goes on speaking the language of the last page"


@pytest.mark.django_db
def test_the_first_log_in_keeps_what_the_browser_asks_for_and_no_later_one_changes_it(client: Client) -> None:
    lena = make_user("lena@example.com")
    form = {"login": lena.email, "password": PASSWORD}
    kept = []
    for headers in (GERMAN, {"accept-language": "en"}):
        client.post(reverse("account_login"), form, headers=headers)
        client.logout()
        kept.append(User.objects.get(pk=lena.pk).language)

    assert kept == ["de", "de"]


@pytest.mark.django_db
def test_somebody_without_a_log_in_changes_the_language_by_one_press(client: Client) -> None:
    log_in = reverse("account_login")
    page = visible.dense(client.get(log_in).text)
    assert '<button type="submit" name="language" value="de" lang="de">Deutsch</button>' in page
    assert f'value="{log_in}"' not in page  # it may be a secret: the browser says where it was, to us alone

    answer = client.post(
        reverse("set_language"), {"language": "de"}, headers={"referer": f"http://testserver{log_in}"}
    )

    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://testserver{log_in}")
    assert spoken(client, log_in) == "de"


@pytest.mark.django_db
def test_the_api_is_english_in_a_german_installation(client: Client, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "de"

    said = client.get("/api/v1/accounts", headers=GERMAN).json()

    assert said["title"] == "Not authenticated", said
