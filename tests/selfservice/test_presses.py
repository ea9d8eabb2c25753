"""Links that need no log-in are pressed so often, and not more."""

import re
from pathlib import Path

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from portal.access import may_press

PRESS = RequestFactory().post("/renew/signed/")


def pressed(*links: object) -> int:
    return sum(may_press(PRESS, f"renew {link}") for link in links)


@pytest.mark.django_db
def test_an_office_behind_one_address_presses_its_own_links_and_one_link_uses_none_of_that_up(
    settings: Settings,
) -> None:
    campaign = pressed(*range(45))  # of 15 people with 3 log-ins each
    settings.ACCOUNT_RATE_LIMITS = {
        **settings.ACCOUNT_RATE_LIMITS,
        "link_address": "24/3600s/ip",
        "link_pressed": "12/3600s/key",
    }
    hammered = pressed(*["one"] * 20)

    others = pressed(*range(100, 115))

    assert (campaign, hammered, others) == (45, 12, 12)


def test_security_md_names_each_link_that_needs_no_log_in() -> None:
    root = Path(__file__).parents[2]
    urls = (root / "tests/project/data/urls.txt").read_text(encoding="utf-8")
    said = (root / "SECURITY.md").read_text(encoding="utf-8")

    links = set(re.findall(r"^(/[\w-]+/)<(?:signed|str:secret)>", urls, re.MULTILINE))

    assert len(links) == 4
    assert {one for one in links if f"`{one}`" not in said} == set()
