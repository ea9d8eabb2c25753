"""Pages that no list and no first row leads to: of many accounts at once, of forms that are sent and only looked at."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse

from accounts.models import Account, Job
from benchmarks.page_data import BOSS, MEMBER, STAFF
from benchmarks.visit import Visit
from macros.models import Macro
from users.models import Team, User

BULKS = (
    "ask", "check", "pause", "resume", "move", "backup", "apply_macro", "remove_macro",
)  # fmt: skip
TICKED = 500  # accounts that the address of a page about many names
_ACCOUNTS, _TOKENS = "admin:accounts_account", "admin:tokens_token"
# Of rows that are not the first of their kind, and of what a page leads to.
_MORE: tuple[tuple[str, str, list[int], str], ...] = (
    ("Macro of all accounts", "admin:macros_macro_change", [1], ""),
    ("Macro of channels", "admin:macros_macro_change", [2], ""),
    ("Macro of 4,000 accounts", "admin:macros_macro_change", [3], ""),
    ("Why, for a person and an account", "admin:why", [], "?address=p1@example.com&account=1000000001"),
    ("Why, for an address that macros name", "admin:why", [], "?address=agency3@example.com&account=1000000123"),
    ("Why, for somebody whose mails come back", "admin:why", [], "?address=p20@example.com&account=1000000004"),
    ("Why, several accounts fit", "admin:why", [], "?address=p1@example.com&account=Shoes 12"),
    ("Ask, what is done", "admin:accounts_ask_change", [1], "?stage=done"),
    ("Ask, far down", "admin:accounts_ask_change", [1], "?p=90"),
    ("Job on all accounts, far down", "admin:accounts_account_job", [1], "?p=900"),
    ("Search of the portal", "admin:search", [], "?s=Lumen"),
    ("Search of the portal, a person", "admin:search", [], "?s=Person 17"),
)  # fmt: skip
_SAVED = {
    "name": "Edited", "description": "", "enabled": "on", "kind": "pre_deactivation", "emails": "other@example.com",
    "notify_consenters": "on",
    "days": "21, 3", "watch": "account", "team": "",
}  # fmt: skip


# Filters of Social Accounts that people put together.
_FILTERS = (
    ("Ends soon at two channels", "channel=facebook,x&state=at_risk"),
    ("Two weeks, one team", "days=14&team={team}"),
    ("A person with 10,000 accounts", "person=1"),
    ("People by a part of their name", "person=Person 17"),
    ("Passwords changed, nobody else", "alone=1&reason=password_changed"),
    ("Backups at hand", "alone=1&backup=1"),
    ("Backups at hand at one channel", "backup=1&channel=facebook"),
    ("No macro, one team", "macro=none&team={team}"),
    ("A client that is fine", "q=Lumen&state=healthy"),
    ("No date, by name", "o=1&undated=1"),
)  # fmt: skip


def all_of_them(boss: Client) -> list[Visit]:
    """Return them. `boss`: the browser of whoever sees everything, whose start page is asked where it leads."""
    more = [Visit(name, "", "", BOSS, _address(page, args, query)) for name, page, args, query in _MORE]
    found = [*more, *_start(boss), *_filters(), *_many(), *_macros(), *_people()]
    return [replace(one, named=True) for one in found]


def _address(page: str, args: list[int], query: str) -> str:
    return reverse(page, args=args) + query.replace(" ", "%20")


def _start(boss: Client) -> Iterator[Visit]:
    """Where the numbers of the start page lead: each kind of filter with each of its values."""
    page = boss.get(reverse("admin:index")).content.decode()
    found = dict.fromkeys(
        unescape(one) for one in re.findall(r'href="(/admin/accounts/account/\?[^"]+)"', page)
    )
    for address in found:
        yield Visit("Start leads to", "filter", address.partition("?")[2], BOSS, address)


def _filters() -> Iterator[Visit]:
    """Filters that people put together, as whoever sees everything and as staff of a team."""
    team = Team.objects.get(name="Team 1")
    for who in (BOSS, STAFF):
        for name, query in _FILTERS:
            address = f"{reverse(f'{_ACCOUNTS}_changelist')}?{query.format(team=team.pk)}".replace(" ", "%20")
            yield Visit("Social Accounts", "filters", name, who, address)
    reason = reverse(f"{_ACCOUNTS}_changelist") + "?reason=outside_team"
    yield Visit("Social Accounts", "reason", "of another team", BOSS, reason)


def _many() -> Iterator[Visit]:
    """The questions about many accounts: about all of them, all of a team's, all of a filter, and those that are ticked."""
    ids = ",".join(map(str, Account.objects.order_by("pk").values_list("pk", flat=True)[:TICKED]))
    chosen = {"all": {"across": "1"}, "of a filter": {"across": "1", "alone": "1"}, "ticked": {"ids": ids}}
    for who in (BOSS, STAFF):
        for slug in BULKS:
            for name, query in chosen.items():
                address = f"{reverse(f'{_ACCOUNTS}_bulk_{slug}')}?{urlencode(query)}"
                yield Visit(f"Many accounts, {slug}", name, "", who, address)
        for name, query in {"all": {"across": "1"}, "stopped": {"across": "1", "state": "dead"}}.items():
            address = f"{reverse(f'{_TOKENS}_ask')}?{urlencode(query)}"
            yield Visit("Many log-ins, ask", name, "", who, address)
    offboarded = Job.objects.filter(kind="offboard").latest("pk")
    yield Visit("Job, offboarding", "", "", BOSS, reverse("admin:accounts_account_job", args=[offboarded.pk]))


def _macros() -> Iterator[Visit]:
    """The preview beside the form of an edited macro."""
    scopes = ((1, "all"), (2, "channels"), (3, "chosen"), (4, "chosen"))
    for pk, scope in scopes:
        form = [*_SAVED.items(), ("scope", scope), *(("channels", one) for one in ("facebook", "x"))]
        accounts = Macro.objects.get(pk=pk).accounts.order_by("pk").values_list("pk", flat=True)
        form += [("accounts", str(account)) for account in accounts]
        address = f"{reverse('admin:macros_macro_preview')}?macro={pk}"
        yield Visit(
            "Macro, edited",
            "preview",
            f"{scope}, {len(accounts):,}",
            BOSS,
            address,
            tuple(form),
            by_script=True,
        )


def _people() -> Iterator[Visit]:
    """A person's pages beyond the first of each: of invitations; whoever leaves with few log-ins."""
    for number in (1, 20):
        accounts = ",".join(map(str, range(1, number + 1)))
        address = f"{reverse('invite_backup')}?account={accounts}"
        yield Visit("Invite a backup", f"for {number}", "", BOSS, address)
    for who in (MEMBER, STAFF):
        yield Visit("Client links", "", "", who, reverse("client_links"))
    usual = User.objects.get(email="p17@example.com")
    for page in ("change", "offboard"):
        address = reverse(f"admin:users_user_{page}", args=[usual.pk])
        yield Visit("A person with usual log-ins", page, "", BOSS, address)
