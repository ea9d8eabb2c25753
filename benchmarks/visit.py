"""One page that is measured, as one person opens it."""

from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils.http import urlencode


@dataclass(frozen=True)
class Visit:
    """One page as one person opens it. `kind` says what of a list it is, so that 40 filters can be one line of the table."""

    group: str
    kind: str
    detail: str
    who: str
    path: str
    posted: tuple[tuple[str, str], ...] = ()  # a form that is sent: of a page that writes nothing then
    by_script: bool = False  # the page's own script sends it, for a part of the page
    named: bool = False  # it was not found but is listed, so that it should be a page

    @property
    def name(self) -> str:
        """The page in words, as the JSON names it."""
        return " ".join(filter(None, (self.group, self.kind, self.detail, f"({self.who.partition('@')[0]})")))

    def ask(self, client: Client) -> Any:
        """Open it."""
        if not self.posted:
            return client.get(self.path)
        form: dict[str, list[str]] = {}
        for name, value in self.posted:
            form.setdefault(name, []).append(value)
        # As browsers send the forms of the portal; the test client's own way costs Django many times as much.
        headers = {"HX-Request": "true"} if self.by_script else {}
        return client.post(
            self.path, urlencode(form, doseq=True), "application/x-www-form-urlencoded", headers=headers
        )
