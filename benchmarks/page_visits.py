"""Which pages there are: every list with its filters, orders, searches and deep pages, every page of one row, and the people's own.

They are found through the admin site and the addresses, so a new list or page is measured without being named here.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.models import (
    Account,
    ApiKey,
    Ask,
    Job,
)
from benchmarks import further_visits
from benchmarks.addresses import patterns
from benchmarks.page_data import BOSS, MATE, MEMBER, STAFF
from benchmarks.visit import Visit
from infra.private_parts import record_authentication
from macros.models import Macro
from notifications.models import Message
from tokens.models import ChannelApp, Token, UnknownAnswer
from users.models import RefusedAddress, User

TERMS = {
    "found": "Lumen Shoes 12",
    "a person": "Person 17",
    "a number": "1000000123",
    "nothing found": "no such thing",
}
CHOICES = 9  # of a chip: all states of accounts, some of 200 macros
DEEP = (100, 200)  # of 50 rows: the last that a list of 10,000 rows or more leads to
_NO_PAGES = (
    r"logout|admin/r/|/history/|jsi18n|^api/|^push/|^mail/|^metrics|^healthz|^readyz|^livez|^i18n|\.css"
)
# Whose row fills the placeholder of an address; the first row has the longest history.
_ROWS: dict[str, type[Model]] = {
    "account_id": Account, "token_id": Token, "message_id": Message, "macro_id": Macro, "key_id": ApiKey, "app_id": ChannelApp,
    "answer_id": UnknownAnswer, "id": User, "ask_id": Ask, "address_id": RefusedAddress,
    "job_id": Job, "link_id": Ask,
}  # fmt: skip


def browser(email: str) -> Client:
    """Return a browser in which this person has logged in and shown a second factor, as staff must."""
    user, client = (
        User.objects.get(email=email),
        Client(raise_request_exception=False, SERVER_NAME="127.0.0.1"),
    )
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, defaults={"data": {}})
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "password")
    record_authentication(request, user, "mfa", type=Authenticator.Type.TOTP)
    request.session.save()
    return client


def all_of_them(browsers: dict[str, Client]) -> list[Visit]:
    """Return every address that may be a page; whether it is, and this person's to see, its answer says (`is_page`)."""
    found = [
        *_people(), *_lists(browsers[BOSS], BOSS), *_rows(BOSS, portal=True), *further_visits.all_of_them(browsers[BOSS]),
        *(visit for visit in _lists(browsers[STAFF], STAFF) if visit.kind not in {"filter", "order"}),
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def is_page(response: Any) -> bool:
    """Return whether an answer is a page with something on it."""
    is_text = response.get("Content-Type", "").startswith("text/html")
    return bool(response.status_code == 200 and is_text and not response.streaming)


def _people() -> Iterator[Visit]:
    """The pages of people, for a member with 400 log-ins and an agency's, and for one with few of them."""
    for who in (MEMBER, MATE):
        for kind, query in (("", {}), ("page", {"only": "own_working", "p": "2"}), ("page", {"only": "teams_dark", "p": "9"}),
                            ("search", {"q": "Lumen"}), ("search", {"q": "nothing"}), ("log-in", {"log_in": "1"})):  # fmt: skip
            address = reverse("my_accounts") + (f"?{urlencode(query)}" if query else "")
            yield Visit("My accounts", kind, "".join(query.values()), who, address)
        yield from _rows(who, portal=False)


def _lists(client: Client, who: str) -> Iterator[Visit]:
    """Every list: as it opens, each choice of each chip and tab, each order, searches, and pages far down."""
    yield Visit("Start", "", "", who, reverse("admin:index"))
    for model, page in admin.site._registry.items():  # noqa: SLF001  # as the admin site's own templates do
        options = model._meta  # noqa: SLF001  # Django documents it
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        context = getattr(client.get(address), "context_data", None) or {}
        if "chips" not in context:  # not for this person
            continue
        title = str(getattr(page, "list_title", options.verbose_name_plural))
        yield Visit(title, "", "", who, address)
        for kind, detail, query in _queries(context, searches=bool(page.search_fields)):
            yield Visit(title, kind, detail, who, address + query)


def _queries(context: dict[str, Any], *, searches: bool) -> Iterator[tuple[str, str, str]]:
    for chip in [*context["chips"], *context["more_chips"]]:
        for choice in chip.choices[:CHOICES]:
            yield "filter", f"{chip.title}: {choice['display']}", choice["query_string"]
    for view in context["views"]:
        if view["query_string"].startswith("?"):
            yield "view", str(view["display"]), view["query_string"]
    for head in context["headers"]:
        if head.get("sortable"):
            column = head["url_primary"].partition("o=")[2].partition("&")[0].partition(".")[0].lstrip("-")
            yield "order", str(head["text"]), f"?o={column}"
            yield "order", f"{head['text']}, reversed", f"?o=-{column}"
    if searches:
        for kind, term in TERMS.items():
            yield "search", kind, f"?{urlencode({'q': term})}"
    for number in DEEP:
        yield "page", str(number), f"?p={number}"


def _rows(who: str, *, portal: bool) -> Iterator[Visit]:
    """Every page of the portal, or every other one, that is no list: of one row, of a form, of a question before something is done."""
    for pattern in patterns():
        if pattern.startswith("admin/") == portal and not re.search(_NO_PAGES, pattern):
            address = _filled(pattern)
            if "<" not in address and "(?P" not in address:
                yield Visit(f"/{pattern}", "", "", who, f"/{address}")


def _filled(pattern: str) -> str:
    """Return an address with the first row of each kind in it; what it has of other placeholders stays."""
    for name, model in _ROWS.items():
        for placeholder in (f"<int:{name}>", f"<{name}>"):
            if placeholder in pattern:
                pattern = pattern.replace(placeholder, str(_first(model)))
    parts = pattern.split("/")
    if "<path:object_id>" in pattern and len(parts) > 3 and parts[1] in apps.app_configs:
        pattern = pattern.replace("<path:object_id>", str(_first(apps.get_model(parts[1], parts[2]))))
    return pattern


def _first(model: type[Model]) -> Any:
    """Return the key of a model's first row."""
    rows = model._default_manager  # noqa: SLF001  # Django documents it
    return rows.order_by("pk").values_list("pk", flat=True).first()
