"""Beginnings that many tests have in common: each is made once, through the consent pages, and put back before every test of it.

The rows are in a transaction that stays open from test to test, and what a test writes is undone around them; the stand-ins remember their
world. A consent for one ad account costs a twelfth of a second of processor time, and most tests of a channel begin with the same one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from tests.support.sandbox import Sandbox

LUMEN, FERN = "Lumen Shoes EU", "Fern Gardens"
Beginning = tuple[str, str]  # of a channel, by the name of its fixture
# Who is linked, and the ad accounts that each of them chose.
BEGINNINGS = {
    "ada_linked": (("ada",), (LUMEN, FERN)),
    "both_linked": (("ada", "ben"), (LUMEN,)),
}
_KEPT = "beginning"  # the stand-ins' name for the world


class Beginnings:
    """Holds one beginning at a time."""

    def __init__(self, world: Sandbox) -> None:
        self.world = world
        self._held: Beginning | None = None
        self._around = ExitStack()

    @contextmanager
    def begun(self, beginning: Beginning, make: Callable[[], None]) -> Iterator[None]:
        """Run the block in this beginning, which `make` makes if it is not held, and undo what the block writes into the database."""
        if self._held != beginning or connection.closed_in_transaction:
            self.end()
            self._around.enter_context(rolled_back())
            make()
            self.world.keep(_KEPT)
            self._held = beginning
        else:
            self.world.put_back(_KEPT)
        with rolled_back():
            yield
            if connection.is_usable() and not connection.needs_rollback:
                connection.check_constraints()  # as Django's TestCase does, where nothing is ever committed

    def end(self) -> None:
        """Undo what is held."""
        self._held = None
        self._around.close()


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what is written in the block, which is no transaction of the product's: channels may be called in it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as TestCase marks its own
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)


def beginning_of(item: pytest.Function) -> Beginning | None:
    """Return with which beginning a test begins, if with one. Its channel is its parameter `channel`, or that of `profile`."""
    name = next((name for name in BEGINNINGS if name in item.fixturenames), None)
    if name is None:
        return None
    given: dict[str, Any] = dict(item.callspec.params)
    channel: str = given["channel"] if "channel" in given else given["profile"].key
    return channel, name


def together(items: list[pytest.Item]) -> None:
    """Put the tests of a file that begin alike together, at the places that all those of the file have; the others stay at theirs."""
    begins = {
        place: beginning
        for place, item in enumerate(items)
        if isinstance(item, pytest.Function) and (beginning := beginning_of(item))
    }
    files = list(dict.fromkeys(items[place].path for place in begins))
    astray = [item.nodeid for item in items if item.path in files and item.get_closest_marker("django_db")]
    assert not astray, f"begins within the open transaction of its file's beginnings: {astray}"
    order = sorted(begins, key=lambda place: (files.index(items[place].path), begins[place]))
    for place, item in zip(begins, [items[place] for place in order], strict=True):
        items[place] = item
