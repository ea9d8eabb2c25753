"""Staff, accounts and addresses for the tests of the portal."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from django.utils import timezone

from accounts.models import Account
from accounts.pool import services as pool
from tests.support.factories import link, make_account, make_token, make_user
from tokens.models import Token
from users.models import Team, User

DAY = timedelta(days=1)


def staff(client: Client, *permissions: str, team: Team | None = None, view: bool = True) -> User:
    """Log in a member of staff who holds these permissions ("app.codename"), and may see accounts unless told otherwise."""
    user = make_user(is_staff=True, team=team)
    names = [*permissions, *(["accounts.view_account"] if view else [])]
    for name in names:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client.force_login(user)
    return user


def token_of(name: str, *, days: float | None = 40, team: Team | None = None, **fields: Any) -> Token:
    """A token of one of our people; `days` until it ends, None: not known."""
    person = make_user(name=name, team=team)
    if days is not None:
        fields["deadline"] = timezone.now() + days * DAY
    return make_token(consented_by=person, native_user_name=name, **fields)


def settle(account: Account, *others: Account) -> Account:
    """Settle the accounts and read the first again."""
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in (account, *others)], cause="linked", now=timezone.now())
    account.refresh_from_db()
    return account


def linked(*tokens: Token, **fields: Any) -> Account:
    """An account with these tokens in its pool; the first of them is active."""
    account = make_account(**fields)
    for token in tokens:
        link(account, token)
        settle(account)
    return account


def action_url(name: str, account: Account, token: Token | None = None) -> str:
    """The address of an action: "token_unlink" with a token, "pause" without."""
    args = [account.pk] if token is None else [account.pk, token.pk]
    return reverse(f"admin:accounts_account_{name}", args=args)


def pool_url(account: Account) -> str:
    """The address of the tab Authenticate Tokens."""
    return reverse("admin:accounts_account_change", args=[account.pk])


def line_url(account: Account, line: str = "") -> str:
    """The address of an account's time-line, of one of its filters."""
    return f"{reverse('admin:accounts_account_line', args=[account.pk])}?line={line}"


def context_of(client: Client, address: str) -> dict[str, Any]:
    """What a page of the portal is drawn from, for whoever is logged in. Drawing it takes several times as long as finding it."""
    request = RequestFactory().get(address)
    request.session = client.session
    request.user = get_user(request)
    view = resolve(urlsplit(address).path)
    context: dict[str, Any] = view.func(request, *view.args, **view.kwargs).context_data
    return context


def rows_of(client: Client, address: str) -> list[Any]:
    """The rows that a list shows at an address, in order."""
    return list(context_of(client, address)["cl"].result_list)


def notices(response: Any) -> str:
    """What the page that an answer leads to will say above everything else."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
