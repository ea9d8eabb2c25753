"""Every address that a browser can open is photographed (tests/e2e/pages.py), or pages_without.py says why there is nothing to see."""

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from benchmarks.addresses import patterns
from tests.e2e.pages import GROUPS, MAIL, WALKED
from tests.e2e.pages_without import WITHOUT


class Anything(defaultdict[str, Any]):
    """What stands for each fact of the fleet: an id, and an id of mails by kind and language."""

    def __missing__(self, name: str) -> Any:
        if name == "mails":
            return {"KIND": {"LANG": "1"}}
        return (
            "00000000-0000-0000-0000-000000000000"
            if name in ("pending", "client_list")
            else "1-x"[: 1 if name != "reset_key" else 3]
        )


def photographed() -> set[str]:
    """The routes of the pages that are photographed."""
    found = set()
    for path in [MAIL, *(shot.path for shots in GROUPS.values() for shot in shots)]:
        try:
            route = resolve(urlsplit(path.format_map(Anything())).path).route
            found.add(str(route).replace("^", ""))
        except Resolver404:
            continue  # the page of an address that is none, and those that are made for the photograph
    return found


def test_every_address_is_photographed_or_it_is_said_why_not() -> None:
    seen, all_of_them = photographed(), patterns()
    unseen = [one for one in all_of_them if one.replace("^", "") not in seen]

    forgotten = [one for one in unseen if not any(fnmatchcase(one, route) for route in WITHOUT)]
    needless = [route for route in WITHOUT if not any(fnmatchcase(one, route) for one in unseen)]

    assert forgotten == []
    assert needless == []
    assert len(seen) > 100


def test_no_two_photographs_have_one_name() -> None:
    names = [shot.name for shots in GROUPS.values() for shot in shots]

    assert len(names) == len(set(names))
    assert {name for name in WALKED if not name.startswith("mail-of-")} <= set(names)
