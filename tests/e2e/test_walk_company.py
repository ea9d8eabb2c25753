"""Somebody logs in with the company's account at a provider that really runs; a stranger reads what to do."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.embedded.processes import LOOPBACK, free_port
from tests.e2e.driver import PHONE, WIDTH, Chromium, Theme, Visitor, Windows
from tests.e2e.product import Served, pages_alone
from tests.support import migrated
from tests.support.provider import CLIENT_ID, SECRET, Provider

ADA, EVE = "ada@example.com", "eve@example.com"
MAKE_ADA = f"""
from tests.support.factories import make_user
make_user({ADA!r}, name="Ada Lovelace", is_staff=True, is_superuser=True)
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    callback = f"http://{LOOPBACK}:{free_port()}/accounts/company/callback/"
    with Provider(tmp_path_factory.mktemp("provider"), callback) as found:
        found.person(ADA, auth_time="now", amr=["mfa"])
        found.person(EVE)
        yield found


@pytest.fixture(scope="module")
def product(place: Path, provider: Provider) -> Iterator[Served]:
    port = int(provider.callback.split(":")[2].partition("/")[0])
    company = {
        "OIDC_URL": provider.url, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": SECRET, "ORGANISATION_NAME": "Northwind",
        "OIDC_ONLY": "1", "OIDC_SECOND_FACTOR": "mfa", "STAFF_SECOND_FACTOR": "1",
    }  # fmt: skip
    with (
        migrated.copied(f"company_{os.getpid()}") as database_url,
        pages_alone(place / "company", database_url=database_url, port=port, **company) as running,
    ):
        running.run("-c", MAKE_ADA)
        yield running


def at_the_provider(visitor: Visitor, email: str) -> None:
    """Press the button, and log in where it leads."""
    visitor.page.get_by_role(
        "button", name="Log in with Northwind"
    ).click()  # the page that follows leads on at once
    visitor.page.wait_for_url(re.compile("/accounts/login/.*authorize"))
    visitor.page.fill("[name=login]", email)
    visitor.page.fill("[name=password]", "any")
    visitor.page.press("[name=password]", "Enter")
    visitor.page.wait_for_url(f"{visitor.web}/**")


@pytest.mark.parametrize(("width", "theme"), [(PHONE, "light"), (WIDTH, "dark"), (WIDTH, "light")])
def test_ada_logs_in_with_the_company_and_a_stranger_reads_why_not(
    product: Served, windows: Windows, width: int, theme: Theme
) -> None:
    chromium = Chromium(windows, product.web, None)
    with chromium.visitor(width=width, theme=theme) as ada:
        ada.open("/admin/")
        ada.sees("With a password: superusers alone")
        at_the_provider(ada, ADA)
        assert ada.page.url == f"{product.web}/admin/"
        ada.open("/accounts/company/again/?next=/admin/users/user/")
        ada.sees("Is it still you?")
    assert chromium.troubles == []
    with chromium.visitor(width=width, theme=theme) as eve:
        eve.open("/accounts/login/")
        at_the_provider(eve, EVE)
        eve.sees(f"AdToken does not know {EVE}", "Ask an administrator")
