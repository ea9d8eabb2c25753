"""Whose account it is: moved by staff, followed at once by keys, macros and mails; and teams that take log-ins of their own people only."""

import pytest
from django.test import Client
from django.utils import timezone

import broker
from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from accounts.pool import services as pool
from broker.leases import callers
from macros.models import Notice
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.macros.support import make_macro
from tests.portal.support import DAY, line_url, linked, staff, token_of
from tests.support import acting
from tests.support.factories import make_account, make_team, make_token, make_user
from tokens.models import Token, UnknownAnswer
from ui import stored_phrases as kept
from users.models import Membership, Team

pytestmark = pytest.mark.django_db

MOVE = "accounts.move_account"
LIST = "/admin/accounts/account/"


def page_of(account: Account) -> str:
    return f"{LIST}bulk/move/?account={account.pk}"


def move(account: Account, team: Team) -> None:
    acting.move_to_team(account=account, team=team, actor=make_user(), note="", now=timezone.now())


def caller_for(team: Team) -> broker.Caller:
    _, secret = api_keys.issue_key(name="jobs", scopes=list(ApiKey.Scope.values), teams=[team])
    found = callers.authenticate(secret, now=timezone.now())
    assert found is not None
    return found


class TestMoving:
    @pytest.mark.django_db(transaction=True)  # the job begins once the press is committed
    def test_staff_move_into_their_own_teams_only_and_administrators_into_all(self, client: Client) -> None:
        lumen, fern = make_team("Lumen"), make_team("Fern")
        account = make_account(team=lumen)
        staff(client, MOVE, team=lumen)

        refused = client.post(page_of(account), {"team": fern.pk})
        client.force_login(make_user(is_staff=True, is_superuser=True))
        client.post(page_of(account), {"team": fern.pk})

        account.refresh_from_db()
        assert (refused.status_code, "Fern" in refused.content.decode()) == (200, False)
        assert account.team == fern

    def test_the_list_names_and_keeps_teams_for_those_who_see_several(self, client: Client) -> None:
        lumen, fern = make_team("Lumen"), make_team("Fern")
        user = staff(client, team=lumen)
        make_account(name="Shoes", team=lumen)
        make_account(name="Gardens", team=fern)

        alone = client.get(LIST).content.decode()
        Membership.objects.create(user=user, team=fern)
        several = client.get(LIST).content.decode()
        page = client.get(LIST, {"team": fern.pk})

        assert ">Lumen</span>" not in alone
        assert ">Lumen</span>" in several
        assert [account.name for account in page.context["cl"].result_list] == ["Gardens"]
        assert client.get(LIST, {"team": "nonsense"}).context["cl"].result_count == 0

    def test_a_team_of_others_is_not_named_in_the_time_line(self, client: Client) -> None:
        secret, own = make_team("Secret Client"), make_team("Lumen")
        account = make_account(team=secret)
        move(account, own)
        staff(client, team=own)

        page = client.get(line_url(account)).text

        assert "Moved from another team to Lumen" in page
        assert "Secret Client" not in page


class TestFollowing:
    def test_keys_of_the_old_team_get_nothing_and_those_of_the_new_one_a_lease_at_once(self) -> None:
        lumen, fern = make_team(), make_team()
        account = linked(make_token(), team=lumen)
        old, new = caller_for(lumen), caller_for(fern)

        def lease(caller: broker.Caller) -> broker.Lease:
            return broker.lease(
                caller=caller, channel=account.channel, native_id=account.native_id, now=timezone.now()
            )

        assert lease(old).native_id == account.native_id
        move(account, fern)

        with pytest.raises(broker.NotFound):
            lease(old)
        assert lease(new).native_id == account.native_id

    def test_a_key_of_several_teams_lists_the_accounts_of_one(self) -> None:
        lumen, fern = make_team("Lumen"), make_team("Fern")
        make_account(name="Shoes", team=lumen)
        make_account(name="Gardens", team=fern)
        _, secret = api_keys.issue_key(name="jobs", scopes=["accounts:read"], teams=[lumen, fern])
        job = Client(headers={"authorization": f"Bearer {secret}"})

        listed = job.get("/api/v1/accounts", {"team": "Fern"}).json()["accounts"]

        assert [(one["name"], one["team"]) for one in listed] == [("Gardens", "Fern")]

    def test_a_key_of_the_old_team_can_no_longer_report_on_the_account(self) -> None:
        lumen, fern = make_team(), make_team()
        account = linked(make_token(), make_token(), team=lumen)
        old = caller_for(lumen)
        given = broker.lease(
            caller=old, channel=account.channel, native_id=account.native_id, now=timezone.now()
        )
        move(account, fern)

        for status, body in ((200, {"id": "1"}), (400, {"error": {"code": 190, "message": "?"}})):
            with pytest.raises(broker.NotFound):
                broker.report(
                    caller=old,
                    lease_id=given.lease_id,
                    status=status,
                    body=body,
                    method="POST",
                    now=timezone.now(),
                )

        assert not UnknownAnswer.objects.exists()
        assert not Token.objects.exclude(last_checked_at=None).exists()

    def test_the_next_run_of_the_new_teams_macro_finds_it_and_a_waiting_mail_of_the_old_one_is_dropped(
        self,
    ) -> None:
        lumen, fern = make_team(), make_team()
        account = linked(token_of("Ada", days=6), team=lumen)
        Account.objects.update(cycle_since=timezone.now() - 60 * DAY)
        make_macro(team=lumen, emails=["lumen@example.com"])
        make_macro(team=fern, emails=["fern@example.com"])
        now = timezone.now()
        evaluation.evaluate(now=now)
        waiting = Message.objects.get(recipient="lumen@example.com")

        move(account, fern)
        evaluation.evaluate(now=now)

        with pytest.raises(NotWanted, match="another team now"):
            mails.build_mail(waiting)
        assert Message.objects.filter(recipient="fern@example.com").count() == 1
        dropped = Notice.objects.get(recipient="lumen@example.com")
        assert (dropped.outcome, kept.said(dropped.outcome_reason)) == (
            "dropped",
            "The account belongs to another team now.",
        )


class TestOwnPeopleOnly:
    """A publishing job gets a person's whole log-in, so a team may keep out those who are not in it."""

    def test_a_log_in_from_outside_covers_nothing_and_the_account_goes_on_through_its_own(self) -> None:
        team = make_team(members_only=True)
        outsider, own = token_of("Ben", days=90, team=make_team()), token_of("Ada", days=5, team=team)

        account = linked(outsider, own, team=team)

        entry = account.pool.get(token=outsider)
        assert (account.active_token, account.usable_count) == (own, 1)
        assert (entry.access, entry.access_reason) == ("lost", "outside_team")
        assert pool.differences() == []

    def test_it_is_settled_when_the_rule_or_the_people_change(self) -> None:
        team, ben = make_team(), token_of("Ben", team=make_team())
        account = linked(ben, team=team)
        assert ben.consented_by is not None

        def state() -> tuple[str, str]:
            account.refresh_from_db()
            return account.state, account.reason

        team.members_only = True
        team.save()
        refused = state()
        member = Membership.objects.create(user=ben.consented_by, team=team)
        taken = state()
        member.delete()
        left = state()
        team.members_only = False
        team.save()

        assert [refused, taken, left] == [
            ("deactivated", "outside_team"),
            ("connected", ""),
            ("deactivated", "outside_team"),
        ]
        assert state() == ("connected", "")
        assert pool.differences() == []

    @pytest.mark.django_db(transaction=True)  # the job begins once the press is committed
    def test_staff_are_told_which_accounts_stop_by_their_move(self, client: Client) -> None:
        lumen, walled = make_team("Lumen"), make_team("Harbor", members_only=True)
        Membership.objects.create(user=staff(client, MOVE, team=lumen), team=walled)
        account = linked(token_of("Ben", team=lumen), team=lumen, name="Fern Gardens")

        page = client.post(page_of(account), {"team": walled.pk}, follow=True).content.decode()

        assert "Fern Gardens stopped: Harbor accepts log-ins of its own people only" in page

    def test_an_imported_log_in_and_the_teams_own_system_user_belong_to_it(self) -> None:
        team = make_team(members_only=True)
        imported, system = make_token(), make_token(kind="system", team=team)
        foreign = make_token(kind="system", team=make_team())

        account = linked(imported, system, foreign, team=team)

        lost = account.pool.filter(access="lost").values_list("token", flat=True)
        assert list(lost) == [foreign.pk]

    def test_staff_read_why_such_a_log_in_does_not_count(self, client: Client) -> None:
        team = make_team(members_only=True)
        account = linked(token_of("Ben", team=make_team()), team=team)
        client.force_login(make_user(is_staff=True, is_superuser=True))

        page = client.get(f"{LIST}{account.pk}/").content.decode()

        assert "Not in the team" in page
        assert "accepts log-ins of its own people only, and Ben is not one of them" in page
