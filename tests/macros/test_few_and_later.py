"""Too few people, told once per fall; and further addresses where Told this address that nobody acted.."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Account
from macros.at_once import services as at_once
from macros.models import Macro, MacroAction, Shortage, Told
from macros.mutes import acknowledgements
from macros.warnings import mails
from macros.warnings import services as evaluation
from macros.why import queries as why
from macros.why.answers import about_macros
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.macros.news import SOON, linked, log_in, person, send
from tests.macros.news import die as stop
from tests.macros.support import (
    TODAY,
    WATCHER,
    die,
    ending,
    make_macro,
    make_person,
    noon,
    settle,
)
from tests.macros.test_links_in_mails import evaluate
from tests.portal.test_macros import FORM, browser, change
from tests.support.factories import NOW, link, make_account, make_token
from tests.tools import visible
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import Membership

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY = timedelta(days=1)
BOSS = "boss@example.com"


def wants(people: int = 2, **fields: Any) -> MacroAction:
    """An action that tells of accounts with fewer people."""
    macro = make_macro(days=[1], **fields).macro
    return MacroAction.objects.create(
        macro=macro,
        kind="few_people",
        emails=[WATCHER],
        notify_consenters=False,
        people=people,
    )


def escalates(after: int = 3, **fields: Any) -> MacroAction:
    """An action that tells the boss where nothing happened."""
    macro = make_macro(**fields).macro
    return MacroAction.objects.create(
        macro=macro, kind="escalated", emails=[BOSS], notify_consenters=False, after=after
    )


def carried(*days: int | None, name: str = "") -> Account:
    """An account whose people each have a log-in that ends so many days from today, or never."""
    account = make_account(name=name or f"Account {Account.objects.count() + 1}")
    for number in days:
        kind: dict[str, Any] = (
            {"deadline_kind": "never"} if number is None else {"deadline": noon(TODAY + number * DAY)}
        )
        link(account, make_token(consented_by=make_person(), **kind))
    settle(account)
    return account


def short() -> set[str]:
    return set(Told.objects.filter(kind="few_people").values_list("account__name", flat=True))


def test_who_is_short_of_people_now_is_told_once_until_it_recovered_and_falls_again() -> None:
    wants()
    one, two = carried(60, name="One"), carried(60, None, name="Two")
    carried(None, 90, 90, name="Three")
    evaluate()
    first, again = short(), evaluate(1)
    spare = two.pool.get(token__deadline_kind="date").token
    Token.objects.filter(pk=spare.pk).update(state="dead", reason="password_changed")
    settle(two)

    fell = evaluate(2)
    Token.objects.filter(pk=spare.pk).update(state="valid", reason="")
    settle(two)
    recovered = evaluate(3)
    Token.objects.filter(pk=spare.pk).update(state="dead", reason="password_changed")
    settle(two)
    once_more = evaluate(4)

    assert first == {"One"}
    assert (again, fell, recovered, once_more) == ([], [WATCHER], [], [WATCHER])
    assert Shortage.objects.filter(account=two).count() == 2
    assert Shortage.objects.filter(account=one).count() == 1


def test_one_person_with_two_log_ins_is_one() -> None:
    wants()
    account = make_account(name="Both are hers")
    ada = make_person()
    for _ in range(2):
        link(account, make_token(consented_by=ada, deadline=noon(TODAY + 60 * DAY)))
    settle(account)

    evaluation.evaluate(now=NOW)

    assert short() == {"Both are hers"}


def test_what_is_dark_is_told_to_be_dark_and_not_to_be_short_of_people() -> None:
    wants()
    carried(60, name="One")
    die(carried(30, name="Dark"))

    evaluate()
    mail = mails.build_mail(Message.objects.get())

    assert short() == {"One"}
    assert "Dark is deactivated" in mail.subject  # one mail of a run
    assert "1 now, 2 wanted" in mail.text


def test_many_accounts_with_one_person_are_one_mail_and_one_card_and_what_recovered_is_left_out() -> None:
    wants()
    accounts = [carried(60, name=f"Account {number:02}") for number in range(4)]
    evaluate()
    link(accounts[0], make_token(consented_by=make_person(), deadline=noon(TODAY + 60 * DAY)))
    settle(accounts[0])

    mail = mails.build_mail(Message.objects.get(kind="news"))

    assert "Account 01 and 2 more (Facebook)" in mail.text
    assert "Account 00" not in mail.text
    assert mail.subject == "Only one person keeps Account 01 connected (+2 more)"
    left_out = Told.objects.get(account=accounts[0])
    assert kept.said(left_out.outcome_reason).startswith("Enough people keep it connected again")


def off(action: MacroAction) -> None:
    Macro.objects.filter(pk=action.macro_id).update(enabled=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (off, "The macro was switched off."),
        (lambda action: action.macro.delete(), "The macro was deleted."),
        (MacroAction.delete, "The macro no longer tells this."),
    ],
)
def test_too_few_for_a_macro_that_is_off_or_gone_is_left_out_also_where_another_wants_fewer(
    change: Callable[[MacroAction], object], reason: str
) -> None:
    action = wants(people=3)
    carried(60, 60)
    evaluate()
    wants(people=2)

    change(action)

    with pytest.raises(NotWanted) as left_out:
        mails.build_mail(Message.objects.get(kind="news"))
    assert str(left_out.value) == reason


@pytest.mark.parametrize("change", [die, lambda _account: Shortage.objects.update(over_at=NOW)])
def test_too_few_for_what_stopped_meanwhile_or_was_enough_in_between_is_left_out(
    change: Callable[[Account], object],
) -> None:
    wants()
    account = carried(60)
    evaluate()

    change(account)

    with pytest.raises(NotWanted, match="Enough people keep it connected again, or it stopped"):
        mails.build_mail(Message.objects.get(kind="news"))


def test_where_nothing_happened_further_addresses_are_told_once_in_the_thread_of_the_deadline() -> None:
    escalates(days=[7])
    account = ending(7, name="Lumen Shoes")
    evaluate()
    first = mails.build_mail(Message.objects.get())
    early, due, again = evaluate(2), evaluate(3), evaluate(4)

    mail = mails.build_mail(Message.objects.get(recipient=BOSS))

    assert (early, due, again) == ([], [BOSS], [])
    assert mail.headers["References"] == first.headers["References"]
    text = " ".join(mail.text.split())
    assert "Others were warned 3 days ago or earlier, and nothing has happened since." in text
    assert "your address comes next in the macro" in text
    assert "Others were warned" not in first.text
    die(account, NOW + 5 * DAY)
    assert evaluate(5) == [WATCHER]
    assert evaluate(8) == [BOSS]  # dark for three days


def test_without_an_address_the_leads_of_the_team_hear_that_nothing_happened() -> None:
    macro = make_macro(days=[7]).macro
    told = {"kind": "escalated", "emails": [], "notify_consenters": False, "after": 3}
    MacroAction.objects.create(macro=macro, **told)
    lead = make_person("lead@example.com")
    account = ending(7)
    Membership.objects.create(team=account.team, user=lead, role=Membership.Role.TEAM_LEAD)

    days = [evaluate(day) for day in (0, 2, 3, 4)]

    assert days[1:] == [[], [lead.email], []]
    with time_machine.travel(NOW + 3 * DAY, tick=False):
        text = " ".join(mails.build_mail(Message.objects.get(recipient=lead.email)).text.split())
        said = [
            line.text
            for line in about_macros(why.what_is_asked(account, lead.email), Macro.objects.all(), now=NOW)
        ]
    assert "nothing has happened since. So it comes to you." in text
    assert "can still be told" not in text
    assert any("Tells this address if nobody acts on a first warning." in one for one in said)


def test_of_a_macro_that_only_tells_at_once_further_addresses_hear_what_stayed_dark() -> None:
    macro = make_macro(days=[7]).macro
    macro.actions.all().delete()
    for kind, email, after in (("deactivated", WATCHER, None), ("escalated", BOSS, 3)):
        MacroAction.objects.create(
            macro=macro, kind=kind, emails=[email], notify_consenters=False, after=after
        )
    ending(6, name="Ends soon")
    account = ending(60)
    before = evaluate()
    die(account)
    at_once.tell_news(NOW + timedelta(seconds=35))
    send()

    told = [evaluate(day) for day in (2, 3, 4)]

    assert before == []
    assert Told.objects.filter(recipient=WATCHER).count() == 1
    assert told == [[], [BOSS], []]


def test_where_the_mail_about_the_log_in_told_it_further_addresses_hear_what_stayed_dark() -> None:
    """Its reader is told by no macro again, so that no notice of one says that anybody was told."""
    macro = make_macro(days=[7]).macro
    macro.actions.all().delete()
    told = {"kind": "deactivated", "emails": [], "notify_consenters": True}
    MacroAction.objects.create(macro=macro, **told)
    later = {"kind": "escalated", "emails": [BOSS], "notify_consenters": False, "after": 3}
    MacroAction.objects.create(macro=macro, **later)
    linked(token := log_in(person("Petra")))
    stop(token)
    at_once.tell_news(SOON)
    sent = send()

    to_boss = [evaluate(day) for day in (2, 3, 4)]

    assert [one.partition(":")[0] for one in sent] == ["petra@example.com"]
    assert to_boss == [[], [BOSS], []]


def test_a_mail_to_further_addresses_that_waits_is_left_out_once_somebody_is_on_it() -> None:
    escalates(days=[7])
    account = ending(7)
    evaluate()
    evaluate(3)
    with time_machine.travel(NOW + 3 * DAY, tick=False):
        acknowledgements.acknowledge(
            deadlines=acknowledgements.deadlines_on(account), email=WATCHER, now=NOW + 3 * DAY
        )

        with pytest.raises(NotWanted, match="Somebody is on it"):
            mails.build_mail(Message.objects.get(recipient=BOSS))


def test_the_form_keeps_both_and_its_preview_counts_them() -> None:
    mira: Client = browser(make_person("mira@example.com", is_staff=True, is_superuser=True))
    carried(7, name="One")
    carried(7, 60, name="Two")
    few = {"at_once": ["few_people"], "people": "2"}
    form = FORM | few | {"escalate_to": BOSS, "after": "3", "days": "7"}
    empty = mira.get("/admin/macros/macro/add/").content.decode()
    half = mira.post("/admin/macros/macro/add/", form | {"after": ""}).content.decode()
    mira.post("/admin/macros/macro/add/", form)
    macro = Macro.objects.get()
    made = {one.kind: (one.emails, one.people, one.after) for one in macro.actions.all()}
    page = visible.dense(mira.get(change(macro)).text)

    mira.post(change(macro), form | {"people": "3", "escalate_to": "", "after": ""})

    assert 'name="after" value="3"' in empty
    assert "Say after how many days." in half
    told = ["team@lumen.example", "ben@lumen.example"]
    assert made["few_people"] == (told, 2, None)
    assert made["escalated"] == ([BOSS], None, 3)
    assert "Too few people, now</dt><dd><strong>1</strong>account" in page
    assert set(macro.actions.values_list("kind", "people")) == {("pre_deactivation", None), ("few_people", 3)}
