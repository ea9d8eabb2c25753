"""An account that moved to another team, or an address that no macro names any longer: who was told before neither says nor hears more."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, AccountEvent
from accounts.tasks import run_jobs
from macros.at_once import services as at_once
from macros.models import MacroAction, Mute, Notice, Told
from macros.mutes import acknowledgements, services
from macros.mutes.mails import sign_message
from macros.notices.queries import accounts_to_hear_of
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.news import SOON, linked, log_in, person, send, tells
from tests.macros.news import die as stop
from tests.macros.support import TODAY, WATCHER, die, ending, make_macro, make_person
from tests.macros.test_links_in_mails import evaluate, lead_of
from tests.macros.test_quiet import OTHER, sent
from tests.support import acting
from tests.support.factories import NOW, link, make_team, make_token, make_user
from users.models import Membership, Team, User
from users.people.models import AUDITORS_GROUP

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
NEW, ALWAYS, MOVES = "blue@example.com", "agency@example.com", NOW + timedelta(minutes=1)


def member(email: str, *teams: Team) -> User:
    found = make_person(email, is_staff=True)
    Membership.objects.bulk_create(Membership(user=found, team=team) for team in teams)
    return found


def page(client: Client, address: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", client.get(address).text)).split())


def moves(account: Account, team: Team) -> None:
    boss = make_person("boss@example.com", is_superuser=True)
    acting.move_to_team(account=account, team=team, actor=boss, note="", now=MOVES)
    account.refresh_from_db()


def freed() -> list[str]:
    return sorted(
        Message.objects.filter(kind="said", payload__what="on_it").values_list("recipient", flat=True)
    )


def test_of_an_account_that_moved_only_those_whom_it_concerns_now_are_on_it_and_hear_of_it() -> None:
    red, blue = make_team("Red"), make_team("Blue")
    account, kept = ending(5, name="Lumen", team=red), ending(5, name="Kept", team=red)
    ada, both = member("ada@example.com", red), member("both@example.com", red, blue)
    make_macro(emails=[WATCHER, ALWAYS, ada.email, both.email], days=[7], team=red)
    make_macro(emails=[ALWAYS, NEW], days=[7], team=blue)
    evaluate()
    sent()
    waiting = acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(account)[:1], email=OTHER, now=NOW
    )
    before = {one.recipient: one for one in Message.objects.filter(kind="said", payload__what="on_it")}
    acknowledgements.take_back(deadlines=acknowledgements.deadlines_on(account), email=OTHER, now=NOW)
    told = {one.recipient: one for one in Message.objects.filter(kind="macro")}
    stale = acknowledgements.deadlines_of(told[WATCHER])

    moves(account, blue)
    evaluate()
    sent()
    may = {
        to: {one.account.name for one in acknowledgements.deadlines_of(message)}
        for to, message in told.items()
    }
    late = acknowledgements.acknowledge(deadlines=stale, email=WATCHER, now=NOW)
    acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(account), email="ben@example.com", now=MOVES
    )

    assert waiting == [account]
    assert sorted(before) == sorted(told)
    assert may == {
        WATCHER: {"Kept"},
        ada.email: {"Kept"},
        both.email: {"Kept", "Lumen"},
        ALWAYS: {"Kept", "Lumen"},
    }
    assert late == [kept]  # the press had read the page before it moved
    about = Message.objects.filter(
        kind="said", payload__what="on_it", payload__accounts=[account.pk]
    ).exclude(pk__in=[one.pk for one in before.values()])
    assert sorted(about.values_list("recipient", flat=True)) == sorted([ALWAYS, NEW, both.email])
    assert KINDS["said"].build(about.get(recipient=ALWAYS)).subject == "ben@example.com is on it: Lumen"
    for former in (WATCHER, ada.email):
        with pytest.raises(NotWanted, match="not mailed about the account now"):
            KINDS["said"].build(before[former])


def test_an_address_that_was_taken_out_is_on_nothing_and_hears_of_nobody_and_of_no_way_back() -> None:
    red, owning = make_team("Red"), make_team("Owning")
    linker, owner = (
        make_person("linker@example.com", is_contact=True, password="!"),
        member("owner@example.com", owning),
    )
    account, unled = ending(5, person=linker, team=red), ending(5, team=make_team("Unled"))
    link(account, make_token(kind="system", team=owning, consented_by=None))
    lead = lead_of(account)
    make_macro(emails=[WATCHER, OTHER], notify_consenters=True, days=[7], accounts=[account])
    make_macro(emails=["gone@example.com"], days=[7])
    make_person("gone@example.com", is_active=False)
    die(account)
    die(unled)
    evaluate()
    sent()
    message = Message.objects.get(recipient=WATCHER)
    stay = {linker.email: account, owner.email: account, lead.email: account, "ops@example.com": unled}
    Told.objects.all().delete()
    said = reverse("answer_mail", args=[sign_message(message)])
    Client().post(said, {"do": "on_it", "account": account.pk})

    MacroAction.objects.update(emails=[OTHER])

    assert acknowledgements.deadlines_of(message) == []
    assert "Noted: you are on it" in Client().get(said).text
    Client().post(said, {"do": "take_back"})
    assert 'value="on_it"' not in Client().get(said).text
    assert acknowledgements.running_of_accounts([account.pk]) == {}
    Message.objects.filter(kind="said", payload__what="on_it").delete()
    for address, of in stay.items():
        told = Message.objects.get(kind="macro", recipient=address)
        assert [one.account for one in acknowledgements.deadlines_of(told)] == [of]
    about = [*acknowledgements.deadlines_on(account)[:1], *acknowledgements.deadlines_on(unled)[:1]]
    acknowledgements.acknowledge(deadlines=about, email=ALWAYS, now=NOW)
    assert freed() == sorted([OTHER, *stay])


def test_whom_an_account_concerns_is_who_sees_it_and_is_asked_by_one_number_of_queries_for_all() -> None:
    red, blue, owning = make_team("Red"), make_team("Blue"), make_team("Owning")
    linker = make_person(is_contact=True, password="!")
    account, foreign = ending(5, person=linker, team=red), ending(5, team=blue)
    link(account, make_token(kind="system", team=owning, consented_by=None))
    make_macro(emails=[WATCHER], accounts=[account])
    auditors = Group.objects.get(name=AUDITORS_GROUP)
    both, one, none = {account.pk, foreign.pk}, {account.pk}, set[int]()
    expected: dict[str, set[int]] = {"ops@example.com": both, WATCHER: one, OTHER: none}

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            found = accounts_to_hear_of(dict.fromkeys(expected, both))
        assert found == expected
        return len(queries)

    numbers = []
    for number in range(2):
        auditor, root = member(f"auditor{number}@example.com"), make_person(is_superuser=True)
        auditor.groups.add(auditors)
        mate, stranger, left = (member(f"{name}{number}@example.com", red) for name in ("mate", "x", "left"))
        stranger.memberships.update(team=blue)
        User.objects.filter(pk=left.pk).update(is_active=False)
        owner, contact = (member(f"{name}{number}@example.com", owning) for name in ("owner", "contact"))
        User.objects.filter(pk=contact.pk).update(is_contact=True, is_staff=False, password="!")
        sees = {auditor: both, root: both, linker: one, mate: one, stranger: {foreign.pk}, contact: none}
        for whom, ids in sees.items():
            fresh = User.objects.get(pk=whom.pk)
            assert set(Account.objects.visible_to(fresh).values_list("pk", flat=True)) == ids
        expected |= {whom.email: ids for whom, ids in sees.items()}
        expected |= {owner.email: one, left.email: none}
        numbers.append(asked())

    assert len(set(numbers)) == 1


def test_who_was_told_at_once_of_an_account_that_moved_hears_no_more_of_it_either() -> None:
    red, blue = make_team("Red"), make_team("Blue")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben, name="Lumen", team=red)
    tells("shifted", "deactivated", emails=[WATCHER, OTHER], team=red)
    everywhere = tells("shifted", emails=[ALWAYS])
    stop(ada)
    at_once.tell_news(SOON)
    send()
    told = {one.recipient: one for one in Message.objects.filter(told__kind="shifted")}
    assert sorted(told) == sorted([WATCHER, OTHER, ALWAYS])

    moves(account, blue)

    assert acknowledgements.deadlines_of(told[WATCHER]) == []
    deadlines = acknowledgements.deadlines_of(told[ALWAYS])
    acknowledgements.acknowledge(deadlines=deadlines, email=ALWAYS, now=MOVES)
    assert [one.account for one in deadlines] == [account]
    assert freed() == []
    assert Told.objects.filter(action__macro=everywhere).exists()


def test_what_a_former_team_kept_back_of_accounts_ends_with_the_move(client: Client) -> None:
    red, blue = make_team("Red"), make_team("Blue")
    ada_s, both_s = (ending(5, name=name, team=red) for name in ("Ada's", "Both's"))
    ada, both = member("ada@example.com", red), member("both@example.com", red, blue)
    make_macro(emails=[NEW], days=[7], team=blue)
    until = TODAY + timedelta(days=30)
    services.mute_accounts(accounts=[both_s], email=NEW, until=until, now=NOW)
    for account, who in ((ada_s, ada), (both_s, both)):
        acknowledgements.acknowledge(
            deadlines=acknowledgements.deadlines_on(account), email=who.email, now=NOW
        )
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)
    ids = [ada_s.pk, both_s.pk]
    address = f"/admin/accounts/account/bulk/move/?ids={','.join(map(str, ids))}"

    client.post(address, {"team": blue.pk, "seen": "", "note": ""})
    run_jobs()

    assert acknowledgements.running_of_accounts(ids) == {}
    assert [one.email for one in Mute.objects.running()] == [NEW]
    said = AccountEvent.objects.filter(cause="moved").values_list("kind", "account", "actor")
    assert set(said) == {
        ("acknowledged", ada_s.pk, boss.pk),
        ("acknowledged", both_s.pk, boss.pk),
    }
    assert NEW in evaluate()
    assert set(Notice.objects.values_list("account", flat=True)) == set(ids)
    lines = page(client, reverse("admin:accounts_account_line", args=[ada_s.pk]))
    assert "Nobody is on it now" in lines
