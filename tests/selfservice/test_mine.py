"""My accounts and "Who keeps it connected", as a marketer reads them."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.linking import views as choose_page
from accounts.models import Account, AccountToken, PendingLink
from accounts.pool import services as pool
from selfservice import queries as my_list
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.channels.kinds import NativeAccount
from tokens.channels.registry import CHANNELS
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ada(client: Client) -> User:
    user = make_user("ada@example.com", name="Ada Okafor")
    client.force_login(user)
    return user


def now() -> datetime:
    return datetime.now(UTC)


def linked(name: str, *tokens: Token, **fields: object) -> Account:
    account = make_account(name=name, **fields)  # type: ignore[arg-type]  # passed on
    for token in tokens:
        link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="password_changed", now=now())
    return account


def mine(client: Client) -> str:
    return client.get(reverse("my_accounts")).content.decode()


def test_nothing_linked_yet_invites_to_link(client: Client, ada: User) -> None:
    make_app("facebook")

    page = mine(client)

    assert "Link your first ad account" in page
    assert "Renew every 60 days" in page
    assert page.count("Not set up yet.") == len(CHANNELS) - 1


def test_a_stopped_log_in_stands_first_with_all_its_accounts(client: Client, ada: User, ben: User) -> None:
    dead = make_token(consented_by=ada, state="dead", reason="password_changed")
    linked("Lumen Shoes EU", dead, make_token(consented_by=ben, deadline=now() + 20 * DAY))
    linked("Fern Gardens", dead)

    page = mine(client)

    assert "1 of your log-ins needs you." in page
    assert "Your Facebook log-in" in page
    assert "still works through Ben until" in page
    assert "has stopped. Nobody else is linked." in page
    assert "One re-authentication is enough for both accounts." in page
    assert page.count("Re-authenticate<") == 1


def test_when_everything_works_it_says_so(client: Client, ada: User, ben: User) -> None:
    linked(
        "Lumen",
        make_token(consented_by=ada, deadline=now() + 50 * DAY),
        make_token(consented_by=ben, deadline=now() + 50 * DAY),
    )

    page = mine(client)

    assert "Everything works. Nothing to do." in page
    assert "you and 1 backup" in page


def places(page: str, *words: str) -> list[int]:
    found = [page.index(word) for word in words]
    assert found == sorted(found), words
    return found


def test_what_is_not_ones_own_is_a_line_with_a_page_of_its_own(client: Client, ada: User, ben: User) -> None:
    end = now() + 50 * DAY
    linked("Ends soon", make_token(consented_by=ada, deadline=now() + 5 * DAY))
    hers, his = make_token(consented_by=ada, deadline=end), make_token(consented_by=ben, deadline=end)
    linked("Healthy", hers, his)
    linked("Of Ben", make_token(consented_by=ben, deadline=now() + 20 * DAY))
    dead = make_token(consented_by=ben, state="dead", reason="password_changed")
    Account.objects.filter(pk=linked("Dark", dead).pk).update(reason="password_changed")

    page = mine(client)
    others, teams = (client.get(f"/?only={key}").content.decode() for key in ("teams_dark", "teams_working"))

    assert "1 of your log-ins needs you." in page
    places(page, "Do first", "Ends soon", ">Working<", "Healthy", "1 account of your teams does not work.")
    assert "1 other account of your teams works." in page
    assert not any(name in page for name in ("Dark", "Of Ben"))
    places(others, "1 account of your teams does not work.", "Dark", "Waits for Ben Lindqvist.")
    assert "Of Ben" in teams
    assert not any(name in others + teams for name in ("Healthy", "Ends soon"))


def test_accounts_that_their_person_keeps_alone_are_one_card_by_client_and_no_alarm(
    client: Client, ada: User, ben: User
) -> None:
    blue, alone = make_team("Blue"), make_token(consented_by=ada, deadline=now() + 50 * DAY)
    Membership.objects.create(user=ada, team=blue)
    for name in ("Fern", "Lumen"):
        linked(name, alone)
    of_blue = linked("Sable", alone, team=blue)
    linked("Kept by Ben", make_token(consented_by=ben, deadline=now() + 50 * DAY))

    page = mine(client)
    one = client.get(f"{reverse('invite_backup')}?alone=1&team={blue.pk}").content.decode()

    assert "Everything works. Nothing to do." in page
    assert "at-pill-warn" not in page
    card = page[page.index("3 accounts have no second person") :]
    places(card, "Invite one for all", "Blue", "Sable", "General", "Fern and Lumen")
    assert f'name="account" value="{of_blue.pk}"' in one


def test_a_missing_permission_is_the_first_thing_to_do(client: Client, ada: User, ben: User) -> None:
    account = make_account(name="Lumen")
    token = make_token(consented_by=ada, deadline=now() + 50 * DAY)
    link(account, token, can_publish="no", access_reason="scope_missing")
    linked("Fern", token, make_token(consented_by=ben, deadline=now() + 50 * DAY))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="scope_missing", now=now())

    page = mine(client)

    assert "1 of your log-ins needs you." in page
    assert "Permission missing" in page
    assert "A permission that is needed was not granted at Facebook." in page
    places(page, "Do first", "Lumen", ">Working<", "Fern")
    assert page.count("Re-authenticate<") == 1


def test_a_lost_role_offers_the_steps_and_no_re_authentication(client: Client, ada: User) -> None:
    account = make_account("x", name="Fern", state="connected")
    token = make_token(make_app("x"), consented_by=ada)
    link(account, token, access="lost", access_reason="access_lost")
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="access_lost", now=now())

    page = mine(client)

    assert "1 account does not work." in page
    assert "Has stopped: role removed. Waits for an admin at X." in page
    assert "See steps" in page
    assert "Re-authenticate<" not in page


def test_a_read_only_log_in_beside_others_is_told_how_it_becomes_a_backup(
    client: Client, ada: User, ben: User
) -> None:
    end = now() + 50 * DAY
    his, hers = make_token(consented_by=ben, deadline=end), make_token(consented_by=make_user(), deadline=end)
    account = linked("Lumen", his, hers)
    link(account, make_token(consented_by=ada), can_publish="no", access_reason="publishing_lost")

    page = mine(client)

    assert "through Ben. You can only report. Not a backup." in page
    assert "See steps" in page


def test_the_choice_of_accounts_names_whose_log_in_does_not_work_instead_of_nobody(
    ada: User, ben: User
) -> None:
    gone = make_token(consented_by=ben, state="dead", reason="password_changed")
    account = linked("Lumen", gone)
    hers = make_token(consented_by=ada)
    natives = [NativeAccount(account.native_id, "Lumen"), NativeAccount("7", "New")]
    pending = PendingLink.objects.create(user=ada, token=hers, offered=[asdict(one) for one in natives])

    notes = {row.native.name: row.note for row in choose_page.offered_rows(pending, ada)}

    assert notes == {
        "Lumen": "Linked by Ben, whose log-in does not work here now. Yours keeps it connected.",
        "New": "Nobody else: no backup yet",
    }


def test_the_page_of_linked_accounts_says_nothing_of_accounts_that_one_may_not_see(
    client: Client, ada: User
) -> None:
    foreign = linked("Lumen", make_token(), team=make_team())

    response = client.get(f"{reverse('linked')}?account={foreign.pk}")

    assert response.status_code == 302
    assert response["Location"] == reverse("my_accounts")


def test_marketers_read_no_jargon(client: Client, ada: User, ben: User) -> None:
    cooling = make_token(consented_by=ada, state="cooling", reason="unknown")
    account = linked("Lumen", cooling)
    linked("Fern", make_token(consented_by=ada, state="dead", reason="suspended"))

    pages = mine(client) + client.get(reverse("my_account", args=[account.pk])).content.decode()

    for word in ("cooling", "probe", "scope", "OAuth", "lease", " pool ", "verdict", "payload"):
        assert word not in pages, word
    assert "checking" in pages


def test_an_account_says_who_keeps_it_connected(client: Client, ada: User, ben: User) -> None:
    chiara = make_token(consented_by=make_user(name="Chiara Rossi"))
    account = linked("Lumen", make_token(consented_by=ada), make_token(consented_by=ben))
    link(account, chiara, can_publish="no")

    page = client.get(reverse("my_account", args=[account.pk])).content.decode()

    assert "You keep it connected now." in page
    assert "Ben is a backup." in page
    assert "Chiara can only report. Not a backup." in page


def test_an_account_of_another_team_is_not_found(client: Client, ada: User) -> None:
    account = linked("Lumen", make_token(), team=make_team())  # its channel is set up

    for name in ("my_account", "reauthenticate"):
        assert client.get(reverse(name, args=[account.pk])).status_code == 404
    assert client.get(f"{reverse('link', args=['facebook'])}?account={account.pk}").status_code == 404


def many_accounts(count: int, *, team: Team, token: Token | None = None, prefix: str = "A") -> None:
    """Write connected accounts, and put the token into their pools, by three statements."""
    accounts = Account.objects.bulk_create(
        Account(channel="facebook", native_id=f"{prefix}{number:04}", name=f"{prefix}{number:04}", team=team)
        for number in range(count)
    )
    if token is not None:
        AccountToken.objects.bulk_create(AccountToken(account=one, token=token) for one in accounts)
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=now())


def cost_of(client: Client, address: str) -> tuple[str, int]:
    with CaptureQueriesContext(connection) as queries:
        page = client.get(address).content.decode()
    return page, len(queries)


def test_the_page_of_a_large_team_costs_as_much_as_that_of_a_small_one(
    client: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(my_list, "PAGE", 10)
    team, ending = Team.default(), make_token(consented_by=ada, deadline=now() + 5 * DAY)
    works = make_token(consented_by=ada, deadline=now() + 50 * DAY)
    many_accounts(7, team=team, token=ending, prefix="Mine")
    many_accounts(11, team=team, token=works)
    _, few = cost_of(client, reverse("my_accounts"))
    many_accounts(60, team=team, token=ending, prefix="More")
    many_accounts(25, team=team, token=works, prefix="B")

    page, many = cost_of(client, reverse("my_accounts"))

    assert many == few
    assert "and 61 more accounts" in page
    assert "enough for all 67 accounts" in page
    assert page.count('class="at-row-title"') == 1 + my_list.FIRST
    assert "See all 36" in page
    last = client.get(reverse("my_accounts"), {"only": "own_working", "p": "4"}).content.decode()
    assert "B0024" in last
    assert "Do first" not in last
    assert "31–36 of 36" in last


def test_a_person_with_many_log_ins_that_end_costs_as_much_as_one_with_few(client: Client, ada: User) -> None:
    def end(number: int) -> None:
        for place in range(number):
            token = make_token(consented_by=ada, deadline=now() + (2 + place) * DAY)
            many_accounts(2, team=Team.default(), token=token, prefix=f"L{token.pk}-")

    end(2)
    _, few = cost_of(client, reverse("my_accounts"))
    end(9)

    page, many = cost_of(client, reverse("my_accounts"))

    assert many == few
    assert page.count("enough for both accounts") == 11


def test_a_log_in_is_asked_for_by_the_accounts_that_it_would_help(client: Client, ada: User) -> None:
    """Of one that works: those where it cannot publish; who looks after the others needs nothing."""
    token = make_token(consented_by=ada, deadline=now() + 90 * DAY)
    many_accounts(4, team=Team.default(), token=token, prefix="Fine")
    many_accounts(3, team=Team.default(), token=token, prefix="Lacks")
    lacking = AccountToken.objects.filter(account__name__startswith="Lacks")
    lacking.update(access="lost", access_reason="scope_missing")

    page = client.get(reverse("my_accounts")).content.decode()

    first = page.split("Do first")[1].split("</section>")[0]
    assert first.count("Lacks") == 3
    assert "Fine" not in first
    assert "enough for all 3 accounts" in first
    rest = page.split("Do first")[1].split("</section>", 1)[1]
    assert rest.count("Fine000") >= 4
    assert "Lacks" not in rest


def test_a_person_finds_an_account_among_many(client: Client, ada: User) -> None:
    many_accounts(30, team=Team.default(), token=make_token(deadline=now() + 50 * DAY))

    found = client.get(reverse("my_accounts"), {"q": "a0017"}).content.decode()
    nothing = client.get(reverse("my_accounts"), {"q": "<nobody>"}).content.decode()
    prefix = client.get(reverse("my_accounts"), {"q": "act_"}).content.decode()

    assert "A0017" not in prefix
    assert "A0017" in found
    assert "A0018" not in found
    assert "No account of yours matches “&lt;nobody&gt;”." in nothing


@pytest.mark.usefixtures("at_now")
def test_accounts_that_a_log_in_names_only_as_more_are_found_and_listed(client: Client, ada: User) -> None:
    ending = make_token(consented_by=ada, deadline=now() + 5 * DAY)
    many_accounts(9, team=Team.default(), token=ending)

    page = mine(client)
    found = client.get(reverse("my_accounts"), {"q": "A0008"}).content.decode()
    listed = client.get(reverse("my_accounts"), {"log_in": ending.pk}).content.decode()

    assert f'href="?log_in={ending.pk}">and 3 more accounts' in page
    assert "A0008" not in page
    assert "1 account matches “A0008”." in found
    assert "needs you" not in found
    assert "5 days left" in found
    assert "9 accounts of your Facebook log-in." in listed
    assert all(f"A000{number}" in listed for number in range(9))


def test_the_list_of_a_log_in_is_its_persons_alone(client: Client, ada: User, ben: User) -> None:
    his = make_token(consented_by=ben)
    linked("Theirs", his)

    page = client.get(reverse("my_accounts"), {"log_in": his.pk}).content.decode()

    assert "of your Facebook log-in" not in page


def test_what_a_dead_log_in_of_ones_own_stopped_is_found_with_the_way_back(client: Client, ada: User) -> None:
    account = linked("Lumen", make_token(consented_by=ada, state="dead", reason="password_changed"))

    found = client.get(reverse("my_accounts"), {"q": "Lumen"}).content.decode()

    assert reverse("reauthenticate", args=[account.pk]) in found
    assert "Re-authenticate<" in found
    assert "See steps<" not in found


def test_a_superuser_reads_the_accounts_of_his_own_teams(client: Client) -> None:
    client.force_login(make_user("root@example.com", is_staff=True, is_superuser=True))
    make_account(name="Of my team")
    make_account(name="Of strangers", team=make_team("Other"))

    page = client.get(reverse("my_accounts"), {"q": "of"}).content.decode()

    assert "Of my team" in page
    assert "Of strangers" not in page


def test_no_page_names_people_of_other_teams(client: Client, ada: User) -> None:
    team = make_team("Other")
    zoe = make_token(consented_by=make_user(name="Zoe Secret", team=team), native_user_name="Zoe Native")
    soon = linked("Lumen", make_token(consented_by=ada, deadline=now() + 3 * DAY), zoe, team=team)
    gone = make_token(consented_by=ada, state="dead", reason="password_changed")
    stopped = linked("Fern", gone, zoe, team=team)
    carried = linked("Sable", zoe, make_token(consented_by=ada), team=team)

    addresses = [reverse("my_accounts")]
    for account in (soon, stopped, carried):
        addresses += [reverse(name, args=[account.pk]) for name in ("reauthenticate", "my_account")]
        addresses.append(f"{reverse('linked')}?account={account.pk}")
    pages = [client.get(address).content.decode() for address in addresses]

    assert sum("omeone in another team" in page for page in pages) > 4
    assert not any("Zoe" in page for page in pages)


def test_a_stopped_log_in_whose_account_is_being_checked_does_not_name_a_date(
    client: Client, ada: User
) -> None:
    stopped = make_token(consented_by=ada, state="dead", reason="password_changed", deadline=now() + 40 * DAY)
    linked("Lumen", stopped, make_token(state="cooling", reason="unknown"))

    assert "is being checked. Another log-in may keep it connected." in mine(client)


def test_a_restricted_account_is_not_called_working(client: Client, ada: User, ben: User) -> None:
    end = now() + 50 * DAY
    tokens = make_token(consented_by=ada, deadline=end), make_token(consented_by=ben, deadline=end)
    linked("Marlo Optics", *tokens, restriction="unpaid bill")

    page = mine(client)

    assert "1 account does not work." in page
    own = client.get(reverse("my_account", args=[Account.objects.get().pk])).content.decode()
    assert "Unpaid bill" in own
    assert "an admin of Marlo Optics at Facebook." in own
    assert "Facebook says: unpaid bill" in page


def test_an_account_that_nobody_linked_says_so(client: Client, ada: User) -> None:
    linked("Imported")

    page = client.get(reverse("my_accounts"), {"only": "teams_dark"}).content.decode()

    assert "You have linked no log-in yet." in mine(client)
    assert "Nobody is linked yet." in page
    assert "Re-authenticate" not in page


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"access": "lost"}, "no longer reaches this account"),
        ({"can_publish": "no"}, "may only report here"),
    ],
)
def test_the_page_of_a_log_in_that_does_not_reach_the_account_says_so(
    client: Client, ada: User, entry: dict[str, str], words: str
) -> None:
    make_app("facebook")
    account = make_account(name="Fern")
    link(account, make_token(consented_by=ada, deadline=now() + 50 * DAY), **entry)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="access_lost", now=now())

    page = client.get(reverse("reauthenticate", args=[account.pk])).content.decode()

    assert words in page
    assert "The account has stopped." in page
    assert "Nothing to do." not in page


def test_a_log_in_that_is_being_checked_is_not_said_to_lack_a_permission(client: Client, ada: User) -> None:
    make_app("facebook")
    account = linked("Fern", make_token(consented_by=ada, state="cooling", reason="unknown"))

    page = client.get(reverse("reauthenticate", args=[account.pk])).content.decode()

    assert "We are checking your Facebook log-in." in page
    assert "lacks a permission" not in page
    assert "Likely causes" not in page


def test_the_page_of_a_restricted_or_paused_account_does_not_say_that_there_is_nothing_to_do(
    client: Client, ada: User
) -> None:
    make_app("facebook")
    works = make_token(consented_by=ada, deadline=now() + 50 * DAY)
    restricted = linked("Fern", works, restriction="unpaid bill")
    paused = linked("Moss", works, paused_at=now(), pause_note="Budget is spent.")

    first = client.get(reverse("reauthenticate", args=[restricted.pk])).content.decode()
    second = client.get(reverse("reauthenticate", args=[paused.pk])).content.decode()
    own = client.get(reverse("my_account", args=[paused.pk])).content.decode()

    assert "Facebook restricts this ad account" in first
    for page in (second, own):
        assert "Staff paused this account on" in page
        assert "“Budget is spent.”" in page
    for page in (first, second):
        assert "Your log-in is fine." in page
        assert "Nothing to do." not in page


def test_a_log_in_outside_the_team_is_not_asked_to_re_authenticate(client: Client, ada: User) -> None:
    make_app("facebook")
    walled = make_team("Harbor", members_only=True)
    account = linked("Fern", make_token(consented_by=ada, deadline=now() + 50 * DAY), team=walled)

    page = mine(client)
    own = client.get(reverse("my_account", args=[account.pk])).content.decode()

    assert "Do first" not in page
    assert "Has stopped: not in the team. Waits for an administrator of AdToken." in page
    assert "accepts log-ins of its own people only, and you are not one of them" in own
    assert "can no longer reach this ad account" not in own
    assert "Re-authenticate" not in own
    assert "Add your log-in" not in own
