"""Static files are served under names of their content and compressed once they were collected, and as they lie before."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse
from pytest_django import Settings


@pytest.fixture
def collected(settings: Settings, tmp_path: Path) -> Path:
    """What `collectstatic` made."""
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", "--no-input", verbosity=0)
    settings.STORAGES = {
        **settings.STORAGES
    }  # Django forgets the storage, as a process that starts later does not know it
    return tmp_path


def fetched(address: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and bytes of a static file."""
    with closing(Client(headers={"accept-encoding": "gzip"}).get(address)) as answer:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        return answer.status_code, dict(answer.headers), body


@pytest.mark.django_db
def test_what_was_collected_is_there_under_the_names_that_pages_say_kept_for_ever_and_compressed(
    collected: Path,
) -> None:
    address = static("adtoken/site.css")
    page = Client().get(reverse("account_login")).content.decode()

    status, headers, body = fetched(address)
    named = re.findall(r'"(/static/[^"#?]+)', page)

    assert re.fullmatch(r"/static/adtoken/site\.[0-9a-f]{12}\.css", address)
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in headers["Cache-Control"]
    assert len(body) < Path(collected, "adtoken/site.css").stat().st_size / 2
    assert len(named) > 3
    assert [one for one in named if fetched(one)[0] != 200] == []
    assert [one for one in named if not re.search(r"\.[0-9a-f]{12}\.\w+$", one)] == []


@pytest.mark.django_db
def test_without_collecting_files_come_from_where_they_lie(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "nothing"

    address = static("adtoken/site.css")

    assert address == "/static/adtoken/site.css"
    assert fetched(address)[0] == 200
