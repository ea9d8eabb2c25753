"""Removing a log-in on purpose, as staff and as its person: what the pages show before, what follows, and whom it is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import pool, removal
from accounts.mails import removal_mail
from accounts.models import Account
from accounts.telling import notices
from notifications import delivery
from notifications.kinds import NotWanted
from notifications.models import Message
from tests.portal.support import staff
from tests.support import native
from tests.support.factories import link, make_account, make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db

REVOKE = "tokens.revoke_token"


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox, settings: Settings) -> Sandbox:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    native.set_up_apps(channels_world)
    return channels_world


def token_of(name: str) -> Token:
    return Token.objects.get(native_user_name__startswith=name)


def browser(email: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(email=email))
    return client


def page_of(token: Token) -> str:
    return reverse("admin:tokens_token_revoke", args=[token.pk])


class TestStaff:
    def test_the_page_shows_what_goes_on_and_the_action_leaves_its_traces(self, client: Client) -> None:
        account = native.linked("facebook", "ada", "ben")
        mira = staff(client, REVOKE)
        ada = token_of("Ada")
        pool = reverse("admin:accounts_account_change", args=[account.pk])

        before = client.get(pool).content.decode()
        shown = client.get(f"{page_of(ada)}?next={pool}").content.decode()
        done = client.post(
            f"{page_of(ada)}?next={pool}", {"seen": ada.generation, "note": "left us"}, follow=True
        )

        page = done.content.decode()
        assert "Revoke at Facebook" in before
        assert "Goes on through Ben" in shown
        assert "Type “" not in shown
        assert done.redirect_chain[0][0] == pool
        assert "Facebook ended the authorisation." in page
        assert f"Removed on purpose by {mira}" in page
        assert "was removed on purpose" in page
        assert "“left us”" in page

    def test_the_last_log_in_of_an_account_is_removed_only_after_its_name_was_typed(
        self, client: Client
    ) -> None:
        account = native.linked("facebook", "ada")
        staff(client, REVOKE)
        ada = token_of("Ada")

        shown = client.get(page_of(ada)).content.decode()
        wrong = client.post(page_of(ada), {"seen": ada.generation, "typed": "Lumen"})
        kept = token_of("Ada").state
        client.post(page_of(ada), {"seen": ada.generation, "typed": account.name})

        assert "This deactivates 1 account." in shown
        assert (wrong.status_code, kept) == (200, "valid")
        assert token_of("Ada").reason == "removed"

    def test_it_has_a_permission_of_its_own_and_stays_within_ones_teams(self, client: Client) -> None:
        account = native.linked("facebook", "ada")
        native.link(browser("ada@example.com"), "facebook", "ada", names=["Lumen Shoes EU", "Fern Gardens"])
        Account.objects.filter(name="Fern Gardens").update(team=make_team())
        ada = token_of("Ada")
        staff(client, "accounts.unlink_token")
        without = client.get(page_of(ada)).status_code
        staff(client, REVOKE, team=account.team)

        refused = client.get(page_of(ada)).content.decode()
        client.post(page_of(ada), {"seen": ada.generation, "typed": "Ada Okafor"})

        assert without == 403
        assert "also carries accounts of other teams" in refused
        assert token_of("Ada").state == "valid"

    def test_a_page_from_before_a_new_consent_removes_nothing(self, client: Client) -> None:
        native.linked("facebook", "ada", "ben")
        staff(client, REVOKE)
        seen = token_of("Ada").generation
        native.consent(browser("ada@example.com"), "facebook", "ada")

        page = client.post(page_of(token_of("Ada")), {"seen": seen}, follow=True).content.decode()

        assert "Somebody was faster" in page
        assert token_of("Ada").state == "valid"


class TestThePerson:
    def test_she_removes_her_own_log_in_and_is_not_asked_to_bring_it_back(self) -> None:
        native.linked("facebook", "ada", "ben")
        ada, token = browser("ada@example.com"), token_of("Ada")
        address = reverse("remove_log_in", args=[token.pk])

        listed = ada.get(reverse("log_ins")).content.decode()
        shown = ada.get(address).content.decode()
        done = ada.post(address, {"seen": token.generation}, follow=True).content.decode()

        assert address in listed
        assert "1 account keeps one person" in shown
        assert "<b>Lumen Shoes EU</b> (Facebook) through Ben" in shown
        assert "Your Facebook log-in is removed." in done
        assert address not in done
        assert "Re-authenticate" not in ada.get(reverse("my_accounts")).content.decode()
        assert not Message.objects.filter(recipient="ada@example.com").exists()

    def test_what_stops_is_named_and_the_name_typed(self) -> None:
        native.linked("facebook", "ada")
        ada, token = browser("ada@example.com"), token_of("Ada")
        address = reverse("remove_log_in", args=[token.pk])

        shown = ada.get(address).content.decode()
        wrong = ada.post(address, {"seen": token.generation, "typed": "no"})

        assert "1 account stops: nobody else is linked." in shown
        assert (wrong.status_code, token_of("Ada").state) == (400, "valid")

    def test_nobody_removes_the_log_in_of_somebody_else(self) -> None:
        native.linked("facebook", "ada", "ben")
        address = reverse("remove_log_in", args=[token_of("Ada").pk])

        assert browser("ben@example.com").get(address).status_code == 404
        assert browser("ben@example.com").post(address, {"seen": "1"}).status_code == 404


class TestTelling:
    def removed(self, by: User) -> Token:
        token = token_of("Ada")
        removal.remove(token=token, generation=token.generation, actor=by, note="", now=datetime.now(UTC))
        return token

    def test_the_person_and_the_leads_of_what_stopped_are_told_who_did_it(self) -> None:
        native.linked("facebook", "ada")
        lead = make_user("lead@example.com")
        Membership.objects.filter(user=lead, team=Team.default()).update(role=Membership.Role.TEAM_LEAD)

        self.removed(make_user("mira@example.com", name="Mira Sol"))

        mails = {
            message.recipient: removal_mail.build(message)
            for message in Message.objects.filter(kind="removed")
        }
        assert set(mails) == {"ada@example.com", "lead@example.com"}
        assert mails["ada@example.com"].subject == "Mira Sol removed your Facebook log-in from AdToken"
        assert "1 account has stopped." in mails["ada@example.com"].text
        assert "Lumen Shoes EU" in mails["lead@example.com"].text
        assert mails["lead@example.com"].reply_to == "mira@example.com"
        assert not Message.objects.filter(kind="died").exists()

    def test_where_a_backup_goes_on_only_the_person_is_told(self) -> None:
        native.linked("facebook", "ada", "ben")

        self.removed(make_user("mira@example.com"))

        assert list(Message.objects.values_list("kind", "recipient")) == [("removed", "ada@example.com")]

    def test_of_accounts_that_go_on_the_mail_names_who_carries_them_and_asks_for_nothing(self) -> None:
        native.linked("facebook", "ada", "ben")
        other = make_account("facebook", name="Other shop")
        for person in ("Ada", "Ben"):
            link(other, token_of(person))
        with transaction.atomic():
            pool.settle(account_ids=[other.pk], cause="linked", now=datetime.now(UTC))

        self.removed(make_user("mira@example.com"))
        text = " ".join(removal_mail.build(Message.objects.get(recipient="ada@example.com")).text.split())

        assert f"Other shop (goes on through {User.objects.get(email='ben@example.com')})" in text
        assert "There is nothing to do." in text
        assert "this page" not in text
        assert "Was it a mistake? Ask Person" in text

    def test_an_administrator_whose_name_is_hidden_is_not_named_by_the_address_of_answers(self) -> None:
        native.linked("facebook", "ada", "ben")
        root = make_user("root@example.com", team=make_team(), is_superuser=True)

        self.removed(root)
        mail = removal_mail.build(Message.objects.get(recipient="ada@example.com"))

        assert mail.subject.startswith("An administrator removed")
        assert mail.reply_to is None  # as of any mail about the team: nobody is named
        assert "Ask an administrator." in mail.text

    def test_a_new_consent_takes_the_mail_back(self) -> None:
        native.linked("facebook", "ada")
        self.removed(make_user())
        native.consent(browser("ada@example.com"), "facebook", "ada")

        with pytest.raises(NotWanted, match="linked again"):
            removal_mail.build(Message.objects.filter(kind="removed", recipient="ada@example.com").get())

    @pytest.mark.django_db(transaction=True)
    def test_whoever_was_told_that_it_stopped_is_told_that_it_works_again(self) -> None:
        native.linked("facebook", "ada")
        lead = make_user("lead@example.com")
        Membership.objects.filter(user=lead, team=Team.default()).update(role=Membership.Role.TEAM_LEAD)
        make_user("ben@example.com", name="Ben Lindqvist")
        self.removed(make_user("mira@example.com", name="Mira Sol"))
        delivery.deliver()

        native.link(browser("ben@example.com"), "facebook", "ben")
        notices.tell(datetime.now(UTC) + timedelta(minutes=11))

        told = Message.objects.filter(kind=notices.WORKS_AGAIN).values_list("recipient", flat=True)
        assert set(told) == {"ada@example.com", "lead@example.com"}
