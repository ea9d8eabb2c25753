"""What happens to an account is told at once, once, to those it concerns; and to them again when it is over."""

import html
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils.html import strip_tags
from pytest_django import Settings

from accounts import message_history, pool, pool_entries
from accounts.models import Account, AccountEvent, AccountNews, AccountNotice
from accounts.telling import notices
from macros import evaluation
from macros.models import Macro, MacroAction
from notifications import claims, kinds
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tests.macros.support import make_macro
from tests.notifications.support import claim_next, make_message
from tests.support import acting
from tests.support.ends import end
from tests.support.factories import (
    MARKER,
    NOW,
    link,
    make_account,
    make_app,
    make_team,
    make_token,
    make_user,
)
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Classification,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.models import Token
from ui import kept
from users import refused_addresses
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
LATER = NOW + 2 * MINUTE


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def ben() -> User:
    return make_user("ben@example.com", name="Ben Lindqvist")


def settled(*accounts: Account) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=NOW - 60 * MINUTE)


def linked(name: str, *tokens: Token, **fields: object) -> Account:
    account = make_account(tokens[0].app.channel, name=name, created_at=NOW - 60 * MINUTE, **fields)  # type: ignore[arg-type]
    for token in tokens:
        link(account, token)
    settled(account)
    return account


def listed(token: Token, accounts: Sequence[Account], now: datetime = NOW, **facts: object) -> None:
    """The channel's list of this log-in: these accounts, with these facts, and no others."""
    natives = [NativeAccount(one.native_id, one.name, **{"can_publish": "yes", **facts}) for one in accounts]  # type: ignore[arg-type]
    pool_entries.apply_list(
        token=token,
        generation=token.generation,
        listed=AccountList(tuple(natives)),
        now=now,
        source="sweep",
    )


def mail(message: Message) -> Mail:
    return kinds.KINDS[message.kind].build(message)


def send(now: datetime = LATER) -> list[Mail]:
    """Build and send what is queued, as a worker does; what has nothing left to say is cancelled."""
    sent = []
    while message := claim_next(now=now + MINUTE):
        try:
            made = mail(message)
        except NotWanted as answer:
            claims.record_cancelled(message, str(answer))
            continue
        claims.record_sent(message, claims.Sent(made.subject, made.text, made.html), now=now)
        sent.append(made)
    return sent


def recipients(kind: str = "access") -> list[str]:
    return sorted(Message.objects.filter(kind=kind).values_list("recipient", flat=True))


def plain(text: str) -> str:
    return " ".join(html.unescape(strip_tags(text.replace("<", " <"))).split())


def test_a_lost_role_is_mailed_at_once_to_the_person_and_to_who_can_give_it_back(
    ada: User, ben: User
) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    hers = make_token(make_app("x"), consented_by=ada, native_user_name="ada_x")
    account = linked("Fern Gardens", hers)
    link(account, make_token(make_app("x"), consented_by=ben, state="dead"), role="Account admin")

    listed(hers, [])
    written = notices.tell(LATER)

    assert written == 3
    assert recipients() == ["ada@example.com", "ben@example.com", "lead@example.com"]
    to_ada, to_ben, to_lead = (
        mail(Message.objects.get(kind="access", recipient=one)) for one in recipients()
    )
    assert {one.subject for one in (to_ada, to_ben, to_lead)} == {
        "Fern Gardens is deactivated: waiting for an admin at X"
    }
    for part in (plain(to_ada.text), plain(to_ada.html)):
        assert "nothing can be published on Fern Gardens until an admin at X gives you the role back" in part
        assert "Re-authenticating would not help." in part
        assert "See the steps and check now" in part
        assert "Re-authenticate X" not in part
        assert "You get this because you linked this X log-in." in part
        assert MARKER not in part
    assert "Ada Okafor lost the role in Fern Gardens at X" in plain(to_ben.text)
    assert "You are an admin there and can give the role back." in plain(to_ben.text)
    assert "Waiting for you" in plain(to_ben.text)
    assert "Steps for" not in to_ben.text
    assert "Steps for an admin at X:" in to_lead.text
    assert {one.message.recipient for one in message_history.about(account, limit=9)} == set(recipients())
    assert "because you lead the team General" in plain(to_lead.text)


def test_a_log_in_that_a_backup_replaced_is_told_to_its_person_alone(ada: User, ben: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers, make_token(consented_by=ben))
    account.pool.filter(token__consented_by=ben).update(role="Admin")

    listed(hers, [account], can_publish="no", role="Analyst")
    notices.tell(LATER)

    assert recipients() == ["ada@example.com"]
    made = mail(Message.objects.get())
    assert made.subject == "Lumen goes on through Ben: waiting for an admin at Facebook"
    assert "You are not a backup until an admin at Facebook gives you the role back." in plain(made.text)


def test_a_missing_permission_asks_its_person_to_re_authenticate_and_nobody_else(ada: User) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    hers = make_token(consented_by=ada, scopes=["ads_read"])
    account = linked("Lumen", hers)

    listed(hers, [account], can_publish="no")
    notices.tell(LATER)

    assert recipients() == ["ada@example.com"]
    made = mail(Message.objects.get())
    assert made.subject == "Lumen is deactivated: please re-authenticate"
    assert "Re-authenticate Lumen" in made.html
    assert "until you re-authenticate and allow every permission" in plain(made.text)


def test_300_roles_lost_in_one_reading_are_one_mail_each_for_the_person_and_the_lead(
    ada: User, django_assert_max_num_queries: object
) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    hers = make_token(consented_by=ada)
    accounts = [
        make_account(name=f"Account {number:03}", created_at=NOW - 60 * MINUTE) for number in range(300)
    ]
    for account in accounts:
        link(account, hers)
    settled(*accounts)

    listed(hers, [])
    with django_assert_max_num_queries(40):  # type: ignore[operator]  # a fixture without a public type
        notices.tell(LATER)

    assert recipients() == ["ada@example.com", "lead@example.com"]
    made = mail(Message.objects.get(recipient="ada@example.com"))
    assert made.subject == "Account 000 is deactivated: waiting for an admin at Facebook (+299 more)"
    assert "and 290 more" in made.text
    assert made.html.count('class="card"') == 1


def test_three_log_ins_of_one_person_within_a_minute_are_one_mail(ada: User) -> None:
    tokens = [make_token(make_app(channel), consented_by=ada) for channel in ("x", "tiktok", "linkedin")]
    for token in tokens:
        linked(f"Fern {token.app.channel}", token)

    for number, token in enumerate(tokens):
        listed(token, [], NOW + number * timedelta(seconds=15))
    too_early = notices.tell(NOW + timedelta(seconds=50))
    notices.tell(NOW + timedelta(seconds=61))

    assert too_early == 0
    made = mail(Message.objects.get())
    assert made.html.count('class="card"') == 3
    assert made.subject.endswith("(+2 more)")


def test_others_hear_of_further_losses_after_an_hour_and_the_person_at_once(ada: User, ben: User) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    hers, his = make_token(consented_by=ada), make_token(consented_by=ben)
    linked("Fern", hers)
    linked("Moss", his)

    listed(hers, [])
    notices.tell(LATER)
    listed(his, [], LATER)
    notices.tell(LATER + 2 * MINUTE)
    within_the_hour = recipients()
    notices.tell(LATER + 61 * MINUTE)

    assert within_the_hour == ["ada@example.com", "ben@example.com", "lead@example.com"]
    assert recipients() == [*within_the_hour, "lead@example.com"]


def test_a_reading_that_is_contradicted_mails_nobody(ada: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)

    with transaction.atomic():
        listed(hers, [])
        listed(hers, [account])
    notices.tell(LATER)

    assert not Message.objects.exists()
    assert not AccountNews.objects.exists()


def test_a_mail_whose_cause_is_gone_when_it_is_sent_is_cancelled(ada: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)
    listed(hers, [])
    notices.tell(LATER)

    listed(hers, [account], LATER)
    sent = send()
    notices.tell(LATER + 30 * MINUTE)

    assert sent == []
    assert kept.said(Message.objects.get().error).startswith(
        "The log-in can be used again, is no longer linked"
    )
    assert AccountNotice.objects.get().closed_at is not None  # and nobody hears that it works again


def test_a_log_in_that_died_since_is_told_by_the_mail_of_its_death(ada: User) -> None:
    hers = make_token(consented_by=ada)
    linked("Lumen", hers)

    listed(hers, [])
    end(hers)
    notices.tell(LATER)

    assert recipients("died") == ["ada@example.com"]
    assert recipients("access") == []


def test_where_nobody_can_be_told_the_team_lead_is(ada: User) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    hers = make_token(consented_by=ada, scopes=["ads_read"])
    account = linked("Lumen", hers)

    listed(hers, [account], can_publish="no")
    notices.tell(LATER)

    made = mail(Message.objects.get(recipient="lead@example.com"))
    assert made.subject == "Lumen is deactivated: waiting for Ada Okafor"


def test_an_admin_whose_address_is_refused_keeps_nobody_from_standing_in_and_is_not_mailed_each_hour(
    ada: User, ben: User, settings: Settings
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    his = make_token(make_app("x"), consented_by=ben)
    account = linked("Fern Gardens", his)
    link(account, make_token(make_app("x"), consented_by=ada, state="dead"), role="Account admin")
    for person in (ada, ben):
        refused_addresses.note(person.email, said="550 no such user", now=NOW)

    listed(his, [])
    for hours in range(3):
        now = LATER + timedelta(hours=hours)
        notices.tell(now)
        while message := claim_next(now=now):
            claims.record_failed(message, "550 no such user", refused_at=now)

    assert recipients() == ["ops@example.com"]


def test_paused_accounts_are_silent(ada: User) -> None:
    hers = make_token(consented_by=ada)
    linked("Lumen", hers, paused_at=NOW)

    listed(hers, [])
    notices.tell(LATER)

    assert not Message.objects.exists()


def restrict(token: Token, account: Account, why: str, now: datetime = NOW) -> None:
    native = NativeAccount(account.native_id, account.name, can_publish="yes", restriction=why)
    pool_entries.apply_readings(
        token=token,
        generation=token.generation,
        readings={account.pk: AccessCheck(Classification(Verdict.OK), native)},
        now=now,
        source="sweep",
    )


def test_a_restriction_is_told_to_the_people_of_the_pool_when_it_begins_and_when_it_ends(
    ada: User, ben: User
) -> None:
    hers = make_token(consented_by=ada)
    accounts = [linked(name, hers, make_token(consented_by=ben)) for name in ("Harbor Coffee DE", "Marlo")]
    for account in accounts:
        restrict(hers, account, "unpaid bill")

    notices.tell(LATER)
    begun = send()
    for account in accounts:
        restrict(hers, account, "", LATER)
    too_early = notices.tell(LATER + 2 * MINUTE)
    notices.tell(LATER + 11 * MINUTE)
    ended = send(LATER + 12 * MINUTE)
    again = notices.tell(LATER + 60 * MINUTE)

    assert [one.subject for one in begun] == ["Facebook has restricted Harbor Coffee DE (+1 more)"] * 2
    for part in (plain(begun[0].text), plain(begun[0].html)):
        assert "Facebook says: unpaid bill" in part
        assert "nobody needs to re-authenticate" in part
        assert "Steps for an admin at Facebook:" in part
        assert "Re-authenticate" not in part
    assert too_early == 0
    assert [one.subject for one in ended] == ["Facebook no longer restricts Harbor Coffee DE (+1 more)"] * 2
    assert again == 0


@pytest.mark.parametrize("trouble", ["role lost", "restricted"])
def test_a_lead_whose_team_gave_the_account_away_meanwhile_is_not_mailed_about_it(
    ada: User, trouble: str
) -> None:
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    if trouble == "restricted":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)
    if trouble == "restricted":
        restrict(hers, account, "unpaid bill")
    else:
        listed(hers, [])
    notices.tell(LATER)
    waiting = Message.objects.get(recipient="lead@example.com")

    acting.move_to_team(account=account, team=make_team(), actor=make_user(), note="", now=LATER)

    with pytest.raises(NotWanted, match="another team has the account"):
        mail(waiting)
    if trouble == "role lost":
        assert "Lumen" in mail(Message.objects.get(recipient="ada@example.com")).subject


def test_an_account_that_is_no_longer_restricted_and_has_no_log_in_is_not_said_to_need_nothing(
    ada: User,
) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)
    restrict(hers, account, "unpaid bill")
    notices.tell(LATER)
    send()
    end(hers)
    Account.objects.filter(pk=account.pk).update(restriction="")

    notices.tell(LATER + 60 * MINUTE)
    again = next(one for one in send(LATER + 61 * MINUTE) if "no longer restricts" in one.subject)

    for part in (plain(again.text), plain(again.html)):
        assert "No longer restricted, but deactivated: no log-in works for it" in part
        assert "It still does not work, for another reason" in part
        assert "nothing to do" not in part
        assert "we told you that it was restricted" in part


def test_of_several_accounts_only_those_that_work_are_said_to_work_again(ada: User) -> None:
    first, second = make_token(consented_by=ada), make_token(consented_by=ada)
    works, dark = linked("Works", first), linked("Dark", second)
    end(first)
    restrict(second, dark, "unpaid bill")
    notices.tell(LATER)
    send()
    end(second)
    Account.objects.filter(pk=dark.pk).update(restriction="")
    Token.objects.filter(pk=first.pk).update(state="valid", reason="")
    with transaction.atomic():
        pool.settle(account_ids=[works.pk], cause="recovered", now=LATER)

    notices.tell(LATER + 60 * MINUTE)
    [again] = [one for one in send(LATER + 61 * MINUTE) if "again" in one.subject]

    assert again.subject == "Works works again"
    for part in (plain(again.text), plain(again.html)):
        assert "Works works again. Dark is no longer restricted, but still does not work" in part
        assert "No longer restricted, but deactivated: no log-in works for it" in part


def test_whoever_linked_a_restricted_account_just_now_has_read_it(ada: User) -> None:
    hers = make_token(consented_by=ada)
    account = make_account(name="New", created_at=NOW)
    link(account, hers)
    settled(account)

    restrict(hers, account, "unpaid bill")
    notices.tell(LATER)

    assert not Message.objects.exists()


def test_works_again_is_told_once_to_whoever_was_told_of_a_death_a_lost_role_or_by_a_macro(
    ada: User, ben: User
) -> None:
    Macro.objects.all().delete()
    make_macro(emails=["boss@example.com"])
    hers, his = make_token(consented_by=ada), make_token(consented_by=ben)
    dead, lost = linked("Dead", hers), linked("Lost", his)
    linked("Other", make_token(consented_by=make_user("eve@example.com")))
    end(hers)
    listed(his, [])
    notices.tell(LATER)
    evaluation.evaluate(now=LATER)
    stops = send()

    Token.objects.filter(pk=hers.pk).update(state="valid", reason="")
    listed(his, [lost], LATER)
    with transaction.atomic():
        pool.settle(account_ids=[dead.pk], cause="recovered", now=LATER)
    notices.tell(LATER + 5 * MINUTE)
    early = recipients("works_again")
    notices.tell(LATER + 11 * MINUTE)
    mails = send(LATER + 12 * MINUTE)
    notices.tell(LATER + 60 * MINUTE)

    assert len(stops) == 3
    assert early == []
    assert recipients("works_again") == ["ada@example.com", "ben@example.com", "boss@example.com"]
    assert sorted(one.subject for one in mails) == [
        "Dead works again",
        "Dead works again (+1 more)",
        "Lost works again",
    ]
    to_ada = next(one for one in mails if one.subject == "Dead works again")
    for part in (plain(to_ada.text), plain(to_ada.html)):
        assert "Connected, through Ada" in part
        assert "There is nothing to do." in part


def test_an_account_that_flaps_is_told_as_stopped_once_and_not_as_working(ada: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)

    for minute in range(0, 12, 3):
        listed(hers, [], NOW + minute * MINUTE)
        notices.tell(NOW + (minute + 1) * MINUTE)
        send(NOW + (minute + 1) * MINUTE)
        listed(hers, [account], NOW + (minute + 2) * MINUTE)
        notices.tell(NOW + (minute + 2) * MINUTE)

    assert recipients("access") == ["ada@example.com"]
    assert recipients("works_again") == []


def test_a_second_stop_after_it_worked_again_is_told_anew(ada: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)

    for round_ in range(2):
        start = NOW + round_ * 60 * MINUTE
        listed(hers, [], start)
        notices.tell(start + 2 * MINUTE)
        send(start + 3 * MINUTE)
        listed(hers, [account], start + 5 * MINUTE)
        notices.tell(start + 20 * MINUTE)
        send(start + 21 * MINUTE)

    assert Message.objects.filter(kind="access", state="sent").count() == 2
    assert Message.objects.filter(kind="works_again", state="sent").count() == 2


def test_names_of_other_teams_stay_hidden(ada: User) -> None:
    zoe = make_user("zoe@example.com", name="Zoe Secret", team=make_team())
    hers = make_token(make_app("x"), consented_by=ada)
    account = linked("Fern", hers)
    link(
        account,
        make_token(make_app("x"), consented_by=zoe, state="dead", native_user_name="Zoe N"),
        role="Account admin",
    )

    listed(hers, [])
    notices.tell(LATER)

    to_zoe = mail(Message.objects.get(recipient="zoe@example.com"))
    assert "Someone in another team lost the role" in plain(
        to_zoe.text
    ) or "someone in another team lost the role" in plain(to_zoe.text)
    assert "Ada" not in to_zoe.text + to_zoe.html


def test_long_names_keep_the_subject_short(ada: User) -> None:
    hers = make_token(make_app("pinterest"), consented_by=ada)
    for number in range(12):
        linked(f"{number:02} a very long name of an ad account that goes on", hers)

    listed(hers, [])
    notices.tell(LATER)

    subject = mail(Message.objects.get()).subject
    assert len(subject) <= 78
    assert subject.endswith("is deactivated: waiting for an admin at Pinterest (+11 more)")


def test_writes_that_the_channel_refuses_ask_their_person_for_the_steps_there(ada: User, ben: User) -> None:
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers, make_token(consented_by=ben))

    with transaction.atomic():
        pool_entries.refuse_writing(
            token=hers, account_id=account.pk, reason=Reason.TWO_FACTOR_REQUIRED, note="415", now=NOW
        )
    notices.tell(LATER)

    assert recipients() == ["ada@example.com"]
    made = mail(Message.objects.get())
    assert made.subject == "Lumen goes on through Ben: a step at Facebook is needed"
    assert "To be its backup again, take the steps below. The first are at Facebook." in plain(made.text)
    assert "until you turn on two-factor authentication" in plain(made.html)


@pytest.mark.parametrize("how", ["taken out of the macro", "still named"])
def test_who_was_told_by_a_macro_that_does_not_mail_him_any_more_hears_no_more(ada: User, how: str) -> None:
    Macro.objects.all().delete()
    make_macro(emails=["boss@example.com", "other@example.com"])
    hers = make_token(consented_by=ada)
    account = linked("Lumen", hers)
    end(hers)
    evaluation.evaluate(now=LATER)
    send()

    if how == "taken out of the macro":
        MacroAction.objects.update(emails=["other@example.com"])
    Token.objects.filter(pk=hers.pk).update(state="valid", reason="")
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="recovered", now=LATER)
    notices.tell(LATER + 11 * MINUTE)
    send(LATER + 12 * MINUTE)

    told_again = Message.objects.filter(kind="works_again", state="sent").values_list("recipient", flat=True)
    expected = {"ada@example.com", "other@example.com"} | (
        {"boss@example.com"} if how == "still named" else set()
    )
    assert set(told_again) == expected


def test_the_team_of_a_system_user_is_told_why(ada: User) -> None:
    system = make_token(kind="system", team=Team.default(), native_user_name="Reporting bot")
    account = linked("Lumen", system)

    listed(system, [account], can_publish="no")
    notices.tell(LATER)

    made = mail(Message.objects.get(recipient="ada@example.com"))
    assert "Reporting bot may only report on Lumen at Facebook" in plain(made.text)
    assert "because your team owns this Facebook system user" in plain(made.text)
    assert "Re-authenticate Lumen" not in made.html


def test_mails_about_a_log_in_that_left_the_pool_long_ago_are_no_longer_the_account_s() -> None:
    account, token = make_account(), make_token(make_app())
    AccountEvent.objects.create(account=account, kind="unlinked", token=token, source="staff", at=NOW)
    told = make_message(payload={"token": token.pk}, created_at=NOW + timedelta(hours=1))
    of_many = make_message(payload={"tokens": [token.pk]}, created_at=NOW - timedelta(days=9))
    for payload in ({"token": token.pk}, {"tokens": [token.pk]}):
        make_message(payload=payload, created_at=NOW + timedelta(days=9))

    found = {one.message.pk for one in message_history.about(account, limit=9)}

    assert found == {told.pk, of_many.pk}
