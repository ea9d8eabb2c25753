"""Who could back up an account at once, and adding them: by the wall between teams, by people, once, told by one mail."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.asks import mails
from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.checks import jobs as due_checks
from accounts.models import Account, AccountEvent, ReachedAccount
from accounts.pool import actions
from accounts.pool import services as pool
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def log_in(name: str, *, team: Team | None = None, **fields: Any) -> Token:
    """A log-in of one of our people that is linked to something."""
    person = fields.pop("person", None) or make_user(f"{name.lower()}@example.com", name=name, team=team)
    fields.setdefault("first_linked_at", timezone.now())
    return make_token(consented_by=person, native_user_name=name, **fields)


def settled(account: Account) -> Account:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=timezone.now())
    account.refresh_from_db()
    return account


def carried(*tokens: Token, **fields: Any) -> Account:
    account = make_account(**fields)
    for token in tokens:
        link(account, token)
    return settled(account)


def reaches(token: Token, *accounts: Account, serves: bool = True, **fields: Any) -> None:
    """The channel's list names these accounts. `serves`: the log-in serves their teams already, in an account that nothing looks at."""
    for team in {account.team for account in accounts} if serves else ():
        if not token.pool_entries.filter(account__team=team).exists():
            link(make_account(team=team, paused_at=timezone.now(), state="paused"), token)
    told = {"can_publish": "yes", "role": "Admin", "seen_at": timezone.now(), **fields}
    ReachedAccount.objects.bulk_create(
        ReachedAccount(token=token, native_id=account.native_id, **told) for account in accounts
    )


def offered(account: Account) -> list[str]:
    found = backups.offers_by_account(account_ids=[account.pk])
    return [offer.token.native_user_name for offer in found.get(account.pk, [])]


def at_hand() -> set[int]:
    """What the filter finds."""
    return set(backups.accounts_with_backup_at_hand(Account.objects.all()).values_list("pk", flat=True))


def add_backups(chosen: dict[int, int], actor: User, note: str = "") -> backing_up.Outcome:
    """Add, or ask, have whoever was added asked about, and tell the people, as a job does."""
    about: dict[str, Any] = {"actor": actor, "note": note, "now": timezone.now()}
    with transaction.atomic():
        outcome = backing_up.write_backups(chosen=chosen, **about)
        backing_up.tell_of_backups(added=outcome.added, asked=outcome.asked, **about)
    due_checks.make_tokens_due(token_ids={offer.token.pk for offer in outcome.added}, now=about["now"])
    return outcome


def add(account: Account, token: Token, actor: User | None = None, note: str = "") -> backing_up.Outcome:
    return add_backups({account.pk: token.pk}, actor or make_user(), note)


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_colleague_whose_log_in_reaches_the_account_is_offered() -> None:
    account = carried(log_in("Ada"))
    emil = log_in("Emil")
    reaches(emil, account)

    assert offered(account) == ["Emil"]
    assert at_hand() == {account.pk}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "dead"},
        {"state": "cooling"},
        {"first_linked_at": None},
    ],
)
def test_a_log_in_that_does_not_work_or_was_never_linked_is_not_offered(fields: dict[str, Any]) -> None:
    account = carried(log_in("Ada"))
    reaches(log_in("Emil", **fields), account)

    assert offered(account) == []
    assert at_hand() == set()


def test_whoever_may_only_report_is_not_offered() -> None:
    account = carried(log_in("Ada"))
    reaches(log_in("Emil"), account, can_publish="no")

    assert offered(account) == []


def test_the_same_native_id_at_another_channel_is_another_account() -> None:
    account = carried(log_in("Ada"))
    reaches(log_in("Emil", app=make_app("x")), account)

    assert offered(account) == []


def test_nobody_is_offered_whom_the_accounts_team_has_no_right_to() -> None:
    ours, theirs = make_team(), make_team()
    account = carried(log_in("Ada", team=ours), team=ours)
    emil = log_in("Emil", team=theirs)
    reaches(emil, account)
    imported = make_token(native_user_name="Imported", first_linked_at=timezone.now())
    reaches(imported, account)

    before = offered(account)
    Membership.objects.create(user=User.objects.get(tokens=emil), team=ours)
    as_member = offered(account)
    User.objects.filter(tokens=emil).update(is_active=False)

    assert (before, as_member, offered(account)) == ([], ["Emil"], [])
    assert at_hand() == set()


def test_a_system_user_is_offered_to_the_team_that_owns_it_alone() -> None:
    ours, theirs = make_team(), make_team()
    account = carried(log_in("Ada", team=ours), team=ours)
    for team in (ours, theirs):
        system = make_token(
            kind="system", team=team, native_user_name=f"of {team}", first_linked_at=timezone.now()
        )
        reaches(system, account)

    assert offered(account) == [f"of {ours}"]


def test_whoever_carries_the_account_already_is_no_second_person() -> None:
    ada = log_in("Ada")
    account = carried(ada)
    other_log_in = log_in("Ada again", person=ada.consented_by)
    second_app = make_token(
        make_app(client_id="second", is_default=False),
        native_user_id=ada.native_user_id,
        consented_by=make_user(team=account.team),
        first_linked_at=timezone.now(),
    )
    reaches(other_log_in, account)
    reaches(second_app, account)
    reaches(ada, account)

    assert offered(account) == []


def test_a_person_with_two_log_ins_is_offered_once_by_the_one_that_lasts_longer() -> None:
    account, now = carried(log_in("Ada")), timezone.now()
    short = log_in("Emil short", deadline=now + 5 * DAY)
    long = log_in("Emil long", person=short.consented_by, deadline=now + 50 * DAY)
    reaches(short, account)
    reaches(long, account)

    assert offered(account) == ["Emil long"]


def test_a_log_in_that_was_unlinked_on_purpose_is_not_offered_again() -> None:
    emil = log_in("Emil")
    account = carried(log_in("Ada"), emil)
    reaches(emil, account)
    actions.unlink_token(account=account, token=emil, actor=make_user(), note="", now=timezone.now())

    assert offered(account) == []
    assert at_hand() == set()


def test_the_filter_leaves_out_what_two_carry_and_what_is_paused_and_keeps_what_is_dark() -> None:
    emil = log_in("Emil")
    one, two = carried(log_in("Ada")), carried(log_in("Ben"), log_in("Chiara"))
    dark, paused = carried(), carried(log_in("Dora"), paused_at=timezone.now())
    reaches(emil, one, two, dark, paused)

    assert at_hand() == {one.pk, dark.pk}


# --- the job ----------------------------------------------------------------------------------------------------------


def test_a_backup_is_added_with_what_was_read_settled_and_in_the_time_line() -> None:
    account, actor = carried(log_in("Ada")), make_user(name="Stella Staff")
    emil = log_in("Emil")
    reaches(emil, account, role="Advertiser")

    outcome = add(account, emil, actor, note="holidays")

    entry = account.pool.get(token=emil)
    account.refresh_from_db()
    event = account.events.get(kind=AccountEvent.Kind.LINKED)
    assert [offer.token for offer in outcome.added] == [emil]
    assert (entry.role, entry.can_publish, entry.added_by) == ("Advertiser", "yes", actor)
    assert (account.people_count, account.usable_count) == (2, 2)
    assert (event.token, event.actor, event.note, event.cause) == (emil, actor, "holidays", "backup")


def test_a_backup_brings_an_account_back_that_nobody_carries() -> None:
    account, emil = carried(), log_in("Emil")
    reaches(emil, account)

    add(account, emil)

    account.refresh_from_db()
    assert (account.state, account.active_token) == ("connected", emil)


def test_a_log_in_that_stops_between_page_and_press_adds_nobody() -> None:
    account, emil = carried(log_in("Ada")), log_in("Emil")
    reaches(emil, account)
    Token.objects.filter(pk=emil.pk).update(state="dead", reason="password_changed")

    outcome = add(account, emil)

    assert outcome.added == []
    assert account.pool.count() == 1
    assert not Message.objects.filter(kind="ask_done").exists()


def test_nobody_is_added_who_reaches_nothing_or_whom_the_team_lost_meanwhile() -> None:
    account, emil, fay = carried(log_in("Ada")), log_in("Emil"), log_in("Fay")
    reaches(emil, account)
    Membership.objects.filter(user=emil.consented_by_id).delete()

    for token in (emil, fay):
        add(account, token)

    assert account.pool.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_staff_who_press_at_once_add_one_entry_and_one_mail() -> None:
    account, emil = carried(log_in("Ada")), log_in("Emil")
    reaches(emil, account)
    actors = [make_user(), make_user()]
    outcomes: list[backing_up.Outcome] = []
    together = threading.Barrier(2)

    def press(actor: User) -> None:
        together.wait(60)
        try:
            outcomes.append(add(account, emil, actor))
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(len(outcome.added) for outcome in outcomes) == [0, 1]
    assert account.pool.count() == 2
    assert Message.objects.filter(kind="ask_done").count() == 1


# --- who is told ------------------------------------------------------------------------------------------------------


def test_the_mail_says_which_accounts_who_did_it_and_how_to_take_it_back() -> None:
    accounts = [carried(log_in(f"Ada {number}"), name=f"Shop {number}") for number in range(2)]
    emil, actor = log_in("Emil"), make_user("stella@example.com", name="Stella Staff")
    reaches(emil, *accounts)
    add_backups({one.pk: emil.pk for one in accounts}, actor, "holidays")

    mail = mails.build_answer_mail(Message.objects.get(kind="ask_done"))

    assert mail.subject == "Your Facebook log-in backs up 2 more accounts"
    assert mail.reply_to == "stella@example.com"
    text = " ".join(mail.text.split())
    assert "Emil, Stella Staff added your Facebook log-in as a backup" in text
    assert "Shop 0" in text
    assert "Shop 1" in text
    assert "“holidays”" in text
    assert "Ask Stella Staff to unlink your log-in there." in text


def test_a_mail_about_a_backup_that_was_taken_back_is_not_sent() -> None:
    account, emil = carried(log_in("Ada")), log_in("Emil")
    reaches(emil, account)
    add(account, emil)
    actions.unlink_token(account=account, token=emil, actor=make_user(), note="", now=timezone.now())

    with pytest.raises(NotWanted):
        mails.build_answer_mail(Message.objects.get(kind="ask_done"))
