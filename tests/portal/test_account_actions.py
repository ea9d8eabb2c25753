"""Actions of staff in the portal: the same ladder for each. GET changes nothing, POST does it once, others are refused."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AccountEvent, Ask
from accounts.pool import actions
from notifications.models import Message
from tests.portal.support import action_url, linked, pool_url, staff, token_of
from tests.support.factories import make_team, make_user
from tokens.models import Token

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Pool:
    """An account with an active token and a backup."""

    account: Account
    active: Token
    backup: Token


@pytest.fixture
def pool() -> Pool:
    active, backup = token_of("Ben Lindqvist", days=20), token_of("Ada Okafor", days=10)
    return Pool(linked(active, backup, name="Lumen Shoes EU"), active, backup)


@dataclass(frozen=True)
class ActionCase:
    """One action with a confirm page, and how to see that it was done."""

    name: str
    permission: str
    button: str
    done: Callable[[Pool], bool]

    def url(self, pool: Pool) -> str:
        return action_url(self.name, pool.account, pool.backup)


def _kind(pool: Pool, kind: str) -> bool:
    return AccountEvent.objects.filter(account=pool.account, kind=kind, source="staff").count() == 1


ACTIONS = [
    ActionCase("token_activate", "accounts.switch_active_token", "Make Ada active", lambda p: _kind(p, "switched")),
    ActionCase("token_unlink", "accounts.unlink_token", "Unlink Ada", lambda p: _kind(p, "unlinked")),
    ActionCase("token_ask", "tokens.ask_token", "Send the mails", lambda p: Ask.objects.count() == 1),
]  # fmt: skip
done_at_once = pytest.mark.parametrize("action", ACTIONS[:2], ids=lambda action: action.name)


def said(response: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))  # type: ignore[attr-defined]  # the test client's


def post(client: Client, action: ActionCase, pool: Pool, **data: str) -> HttpResponse:
    return client.post(action.url(pool), {"note": "", "seen": "0", **data})  # type: ignore[return-value]  # the client's own class


@done_at_once
def test_get_shows_the_action_and_changes_nothing_and_a_post_does_it_once(
    client: Client, pool: Pool, action: ActionCase
) -> None:
    user = staff(client, action.permission)
    before = AccountEvent.objects.count()

    page = client.get(action.url(pool)).content.decode()
    wrong = post(client, action, pool, note="x" * 301).status_code
    nothing_yet = AccountEvent.objects.count()
    done = post(client, action, pool, note="Campaign starts on Monday")
    event = AccountEvent.objects.filter(account=pool.account, source="staff").latest("id")
    after = AccountEvent.objects.count()
    again = post(client, action, pool)

    assert action.button in page
    assert (wrong, nothing_yet) == (200, before)
    assert done["Location"].startswith(pool_url(pool.account))
    assert action.done(pool)
    assert (event.actor, event.note) == (user, "Campaign starts on Monday")
    assert AccountEvent.objects.count() == after
    assert "faster" in said(again) or "no longer linked" in said(again)


def test_whoever_may_not_is_refused_and_another_teams_account_is_not_found(
    client: Client, pool: Pool
) -> None:
    def answers() -> list[set[int]]:
        pages = [(client.get(one.url(pool)), post(client, one, pool)) for one in ACTIONS]
        return [{answer.status_code for answer in both} for both in pages]

    permissions = [one.permission for one in ACTIONS]
    found = [{post(client, one, pool).status_code for one in ACTIONS}]
    client.force_login(make_user())
    found += answers()
    staff(client)
    found += answers()
    staff(client, *permissions, team=make_team())
    found += answers()
    staff(client, *permissions)
    urls = [action_url(one.name, pool.account, token_of("Chiara Rossi")) for one in ACTIONS]
    found += [{client.get(url).status_code} for url in urls]

    assert found == [{302}] + [{302}] * 3 + [{403}] * 3 + [{404}] * 3 + [{404}] * 3
    assert not any(one.done(pool) for one in ACTIONS)


def test_a_token_that_is_not_usable_cannot_be_made_active(client: Client, pool: Pool) -> None:
    staff(client, "accounts.switch_active_token")
    Token.objects.filter(pk=pool.backup.pk).update(state="dead", reason="password_changed")

    response = client.post(action_url("token_activate", pool.account, pool.backup), {"note": ""})

    assert "not usable" in said(response)  # type: ignore[arg-type]  # the client's own class
    pool.account.refresh_from_db()
    assert pool.account.active_token == pool.active


def test_unlinking_the_last_usable_token_asks_for_the_accounts_name(client: Client, pool: Pool) -> None:
    staff(client, "accounts.unlink_token")
    actions.unlink_token(
        account=pool.account, token=pool.backup, actor=make_user(), note="", now=timezone.now()
    )
    url = action_url("token_unlink", pool.account, pool.active)

    page = client.get(url).content.decode()
    wrong = client.post(url, {"note": "", "typed": "Lumen"})
    still = Account.objects.get(pk=pool.account.pk).usable_count
    client.post(url, {"note": "", "typed": "Lumen Shoes EU"})

    assert "This deactivates Lumen Shoes EU." in page
    assert "This is not the name." in wrong.content.decode()
    assert still == 1
    assert Account.objects.get(pk=pool.account.pk).state == "deactivated"


def test_an_imported_token_has_nobody_to_ask_and_says_so(client: Client, pool: Pool) -> None:
    staff(client, "tokens.ask_token")
    Token.objects.filter(pk=pool.backup.pk).update(consented_by=None)

    page = client.get(action_url("token_ask", pool.account, pool.backup)).content.decode()
    client.post(action_url("token_ask", pool.account, pool.backup), {"note": "", "seen": "0"})

    assert "It was imported" in page
    assert 'type="submit">Send' not in page
    assert Message.objects.count() == 0


def test_moving_a_token_sets_the_order_by_hand_and_says_its_place(client: Client, pool: Pool) -> None:
    staff(client, "accounts.rank_token")
    third = token_of("Deniz Kaya", days=5)
    pool.account.pool.create(token=third, can_publish="yes")

    response = client.post(action_url("token_move", pool.account, third), {"step": "-1"})

    assert response["Location"].endswith(f"#up-{third.pk}")  # the focus stays on the button
    assert "Deniz Kaya is now number 2 of 3." in said(response)  # type: ignore[arg-type]  # the client's own class
    assert pool.account.pool.get(token=third).rank == 2


def test_a_move_that_changes_nothing_is_refused_and_leaves_no_trace(client: Client, pool: Pool) -> None:
    staff(client, "accounts.rank_token")

    response = client.post(
        action_url("token_move", pool.account, pool.backup), {"step": "-1"}
    )  # above the active one

    assert "It stays where it is" in said(response)  # type: ignore[arg-type]  # the client's own class
    assert set(pool.account.pool.values_list("rank", flat=True)) == {None}
    assert not AccountEvent.objects.filter(kind="ranked").exists()


def test_back_to_automatic_forgets_the_order(client: Client, pool: Pool) -> None:
    staff(client, "accounts.rank_token")
    pool.account.pool.update(rank=1)

    client.post(action_url("automatic", pool.account))

    assert set(pool.account.pool.values_list("rank", flat=True)) == {None}


def test_actions_without_a_confirm_page_take_posts_only_and_need_their_permission(
    client: Client, pool: Pool
) -> None:
    staff(client)
    urls = [action_url(name, pool.account, pool.active) for name in ("token_move", "token_check")]
    urls += [action_url(name, pool.account) for name in ("check", "automatic")]

    found = [client.get(url).status_code for url in urls]
    found += [client.post(url, {"step": "1"}).status_code for url in urls]
    staff(client, "accounts.rank_token", "tokens.probe_token", team=make_team())
    found += [client.post(url, {"step": "1"}).status_code for url in urls]

    assert found == [405] * 4 + [403] * 4 + [404] * 4
    assert set(pool.account.pool.values_list("rank", flat=True)) == {None}


WORDS = (
    "Make active", "Unlink", "Check now", "Renew now", "to re-authenticate</a>", "Pause this account", "Add a token",
)  # fmt: skip


def test_what_one_may_do_is_drawn_and_nothing_else(client: Client, pool: Pool) -> None:
    staff(client)
    bare = client.get(pool_url(pool.account)).content.decode()
    staff(
        client, "accounts.switch_active_token", "accounts.rank_token", "accounts.unlink_token", "accounts.pause_account",
        "accounts.link_account", "tokens.probe_token", "tokens.renew_token", "tokens.ask_token",
    )  # fmt: skip

    page = client.get(pool_url(pool.account)).content.decode()

    assert [word for word in WORDS if word in bare] == []
    assert [word for word in WORDS if word not in page] == []
