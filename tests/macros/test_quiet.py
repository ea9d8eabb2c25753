"""Who is told less: accounts that a macro leaves out, addresses left out, snoozes, and "I am on it". Nothing goes dark untold by it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AccountEvent
from macros.at_once import services as at_once
from macros.models import Acknowledgement, Macro, Mute, Notice
from macros.mutes import acknowledgements, services
from macros.mutes.mails import sign_message
from macros.notices.queries import watching_macros
from macros.preview import services as preview
from macros.rules.queries import unwatched
from macros.warnings import mails
from macros.warnings import services as evaluation
from macros.why import queries as why
from macros.why.answers import about_macros
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.news import SOON, linked, log_in, person, send, tells
from tests.macros.news import die as stop
from tests.macros.support import TODAY, WATCHER, die, ending, make_macro, make_person, move, noon
from tests.macros.test_links_in_mails import evaluate, lead_of
from tests.macros.test_recipients import stored
from tests.portal.test_macros import browser, staff
from tests.support.factories import NOW, make_team
from ui.stored_phrases import said as in_words
from users.people.models import AUDITORS_GROUP

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY = timedelta(days=1)
OTHER = "other@example.com"


def snooze(account: Account, email: str, days: int) -> None:
    services.mute_accounts(accounts=[account], email=email, until=TODAY + days * DAY, now=NOW)


def sent() -> None:
    """The mails that wait went out."""
    Notice.objects.filter(outcome="waiting").update(outcome="mailed")


def test_an_account_that_a_macro_leaves_out_is_told_of_by_no_part_of_it() -> None:
    kept, out = ending(5, name="Kept"), ending(5, name="Out")
    macro = tells("deactivated", "shifted", days=[7])
    action = macro.warning_action
    assert action is not None
    evaluation.evaluate(now=NOW)
    waiting = Message.objects.get()
    services.leave_out(macro=Macro.objects.get(), account_ids=[out.pk], by=None, now=NOW)
    macro.refresh_from_db()

    found = preview.preview_draft(stored(action), now=NOW)
    mail = mails.build_mail(waiting)
    die(out)
    again = evaluate(1)
    at_once.tell_news(NOW + timedelta(seconds=40))

    assert "Kept" in mail.text
    assert "Out" not in mail.text
    assert "Out" not in {one.account.name for one in found.due}
    assert again == []
    assert not Notice.objects.filter(account=out).exclude(outcome="dropped").exists()
    assert list(unwatched(Account.objects.all())) == [out]
    assert list(macro.watched(Account.objects.all())) == [kept]
    assert watching_macros(out) == []


def test_who_snoozed_an_account_is_told_when_it_is_over_and_others_meanwhile() -> None:
    account, other = ending(8), ending(8)
    make_macro(emails=[WATCHER, OTHER], days=[7, 3])
    snooze(account, WATCHER, 5)

    first, last = evaluate(1), evaluate(4)
    told = set(Notice.objects.filter(account=account).values_list("recipient", "threshold"))
    over = evaluate(5)

    assert first == [OTHER, WATCHER]
    assert last == []
    assert told == {(OTHER, 7)}
    assert Notice.objects.filter(account=other, recipient=WATCHER).exists()
    assert over == [OTHER, WATCHER]
    assert Notice.objects.filter(account=account, recipient=WATCHER).values_list("threshold")[0] == (3,)


def test_where_all_who_are_named_snoozed_somebody_stands_in() -> None:
    account, other = ending(5), ending(5)
    lead_of(account)
    make_macro(emails=[WATCHER], days=[7], accounts=[account])
    make_macro(emails=[WATCHER], days=[7], accounts=[other])
    snooze(account, WATCHER, 3)
    die(account)

    told = evaluate()

    rows = set(Notice.objects.values_list("account", "recipient", "threshold", "via"))
    assert told == ["lead@example.com", WATCHER]
    assert rows == {(account.pk, "lead@example.com", 0, "team_lead"), (other.pk, WATCHER, 7, "")}
    sent()
    assert evaluate(3) == [WATCHER]  # that it went dark, which was kept from them


def test_a_mail_that_waits_leaves_out_what_was_snoozed_meanwhile() -> None:
    by_me, _kept = (ending(5, name=name) for name in ("By me", "Kept"))
    make_macro(days=[7])
    evaluate()
    snooze(by_me, WATCHER, 3)

    mail = mails.build_mail(Message.objects.get())

    assert "Kept" in mail.text
    assert "By me" not in mail.text
    why_not = Notice.objects.get(account=by_me).outcome_reason
    assert in_words(why_not) == "This person is not mailed about the account now."


def test_one_macro_leaves_an_address_out_and_another_does_not() -> None:
    account = ending(5)
    first, second = make_macro(emails=[WATCHER, OTHER], days=[7]), make_macro(days=[7])
    boss = make_person("boss@example.com")
    Mute.objects.create(account=account, macro=first.macro, email=WATCHER, by=boss, started_at=NOW)

    evaluate()

    told = set(Notice.objects.values_list("action", "recipient"))
    assert told == {(first.pk, OTHER), (second.pk, WATCHER)}
    assert preview.preview_draft(stored(second), now=NOW).mails == 0  # told already
    assert services.end_mutes(mutes=Mute.objects.running(), by=boss, now=NOW) == 1


def test_who_is_on_it_frees_the_others_until_it_becomes_more_urgent_or_goes_dark() -> None:
    account = ending(7, name="Lumen Shoes")
    make_macro(emails=[WATCHER, OTHER], days=[7, 2])
    evaluate()
    sent()
    ada = make_person("ada@example.com", name="Ada Stone")

    deadlines = acknowledgements.deadlines_on(account)
    new = acknowledgements.acknowledge(deadlines=deadlines, email=ada.email, now=NOW)
    twice = acknowledgements.acknowledge(deadlines=deadlines, email=OTHER, now=NOW)
    make_macro(emails=["late@example.com"], days=[30, 7])
    same = evaluate(1)
    more_urgent = evaluate(5)
    die(account, NOW + 6 * DAY)
    dark = evaluate(6)

    freed = Message.objects.filter(kind="said", payload__what="on_it")
    assert (new, twice) == ([account], [])
    assert sorted(freed.values_list("recipient", flat=True)) == [OTHER, WATCHER]
    assert same == []
    assert more_urgent == [OTHER, WATCHER]
    assert dark == ["late@example.com", OTHER, WATCHER]
    with pytest.raises(NotWanted, match="Whoever said so is no longer on it"):
        KINDS["said"].build(freed[0])  # it went dark: what was said is over


def test_the_mail_that_somebody_is_on_it_says_who_and_a_moved_deadline_ends_it() -> None:
    account = ending(7, name="Lumen Shoes")
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    sent()
    acknowledgements.acknowledge(deadlines=acknowledgements.deadlines_on(account), email=OTHER, now=NOW)

    mail = KINDS["said"].build(Message.objects.get(kind="said", payload__what="on_it"))
    move(account, deadline=noon(TODAY + 5 * DAY))

    assert mail.subject == "other@example.com is on it: Lumen Shoes"
    assert "you need not do anything" in mail.text
    assert acknowledgements.running_of_accounts([account.pk]) == {}
    assert evaluate() == [WATCHER]


def test_taken_back_it_is_told_again_and_a_mail_that_waits_says_nothing_more() -> None:
    account = ending(7)
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    deadlines = acknowledgements.deadlines_on(account)
    acknowledgements.acknowledge(deadlines=deadlines, email=OTHER, now=NOW)

    with pytest.raises(NotWanted, match="Somebody is on it"):
        mails.build_mail(Message.objects.get(kind="macro"))
    taken = acknowledgements.take_back(deadlines=deadlines, email=OTHER, now=NOW)

    assert taken == len(deadlines)
    assert evaluate() == [WATCHER]


def test_a_mail_that_waits_names_nobody_who_took_it_back_though_somebody_else_is_on_it_now() -> None:
    blue, lumen = ending(7, name="Blue"), ending(7, name="Lumen")
    ada = make_person("ada@example.com", name="Ada Stone")
    make_macro(emails=[WATCHER, OTHER, ada.email], days=[7])
    evaluate()
    sent()
    both = [*acknowledgements.deadlines_on(blue), *acknowledgements.deadlines_on(lumen)]
    acknowledgements.acknowledge(deadlines=both, email=ada.email, now=NOW)
    acknowledgements.take_back(deadlines=acknowledgements.deadlines_on(lumen), email=ada.email, now=NOW)
    acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(lumen), email=OTHER, now=NOW + DAY / 24
    )
    of_ada, of_other = Message.objects.filter(kind="said", payload__what="on_it", recipient=WATCHER).order_by(
        "pk"
    )
    build = KINDS["said"].build

    subjects = [build(one).subject for one in (of_ada, of_other)]
    acknowledgements.take_back(deadlines=acknowledgements.deadlines_on(blue), email=ada.email, now=NOW)
    acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(blue), email=OTHER, now=NOW + DAY / 24
    )

    assert subjects == ["Ada Stone is on it: Blue", "other@example.com is on it: Lumen"]
    assert build(of_other).subject == subjects[1]
    with pytest.raises(NotWanted, match="Whoever said so is no longer on it"):
        build(of_ada)


def test_nobody_is_on_it_who_can_no_longer_log_in_and_their_old_mail_says_nothing_more() -> None:
    account = ending(7, name="Lumen Shoes")
    ada = make_person("ada@example.com", name="Ada Stone")
    make_macro(emails=[WATCHER, ada.email], days=[7])
    evaluate()
    sent()
    message = Message.objects.get(kind="macro", recipient=ada.email)
    page = reverse("answer_mail", args=[sign_message(message)])
    other_team = Client().get(page)
    Client().post(page, {"do": "on_it", "account": account.pk})
    make_macro(emails=["late@example.com"], days=[7])
    kept_back = evaluate(1)

    ada.is_active = False
    ada.save(update_fields=["is_active"])
    pressed = Client().post(page, {"do": "on_it", "account": account.pk}).status_code
    new = acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(account), email=ada.email, now=NOW
    )

    assert other_team.status_code == 200  # the macro names her, whichever her teams
    assert kept_back == []
    assert pressed == 302
    assert new == []
    assert not Acknowledgement.objects.exists()
    assert evaluate(1) == ["late@example.com"]
    ended = AccountEvent.objects.filter(account=account, kind="acknowledged").latest("pk")
    assert (ended.cause, ended.actor, ended.note) == ("left", None, "")


def test_who_no_longer_sees_an_account_is_not_on_it_by_an_old_mail_unless_a_macro_names_them() -> None:
    account = ending(7)
    lead = lead_of(account)
    make_macro(emails=[WATCHER], days=[7])
    snooze(account, WATCHER, 3)
    die(account)
    evaluate()
    message = Message.objects.get(recipient=lead.email)
    before = acknowledgements.deadlines_of(message)

    lead.memberships.all().delete()

    assert [one.account for one in before] == [account]
    assert acknowledgements.deadlines_of(message) == []


def test_an_auditor_says_nothing_of_accounts_by_a_mail_and_stops_and_snoozes_the_own_ones() -> None:
    account = ending(7)
    auditor = make_person("auditor@example.com", is_staff=True)
    auditor.groups.add(Group.objects.get_or_create(name=AUDITORS_GROUP)[0])
    tells("shifted", emails=[WATCHER, auditor.email], days=[7])
    linked(ada := log_in(person("Ada")), log_in(person("Ben")))
    evaluate()
    stop(ada)
    at_once.tell_news(SOON)
    kinds_of_mail = ("macro", "news")
    told = {one: Message.objects.get(kind=one, recipient=auditor.email) for one in kinds_of_mail}
    others = [Message.objects.get(kind=one, recipient=WATCHER) for one in kinds_of_mail]

    mine = [KINDS[kind].build(one).text for kind, one in told.items()]
    theirs = [KINDS[one.kind].build(one).text for one in others]
    signed = sign_message(told["macro"])
    page = reverse("answer_mail", args=[signed])
    asked = Client().get(page).text
    Client().post(page, {"do": "on_it", "account": account.pk})
    stops = Client().get(reverse("stop_mails", args=[signed]), follow=True)

    for text in mine:
        assert "do=on_it" not in text
        assert "/mails/" in text
    for text in theirs:
        assert "do=on_it" in text
    assert ['value="mute"' in asked, 'value="on_it"' in asked] == [True, False]
    assert stops.status_code == 200
    assert not Acknowledgement.objects.exists()
    assert not AccountEvent.objects.filter(kind="acknowledged").exists()


def test_the_links_of_a_mail_ask_first_and_need_no_log_in() -> None:
    account = ending(5, name="Lumen Shoes")
    make_macro(emails=[WATCHER, OTHER], days=[7])
    evaluate()
    message = Message.objects.get(recipient=WATCHER)
    mail = mails.build_mail(message)
    sent()
    signed, anybody = sign_message(message), Client()
    page = reverse("answer_mail", args=[signed])

    asked = anybody.get(f"{page}?do=on_it").content.decode()
    untouched = [Mute.objects.count(), Acknowledgement.objects.count()]
    wrong = [{"do": "on_it", "account": "0"}, {"do": "mute", "until": "2026-12-02"}]
    nothing = [anybody.post(page, form) for form in wrong]
    untouched.append(Acknowledgement.objects.count())
    noted = anybody.post(page, {"do": "on_it", "account": account.pk}, follow=True).content.decode()
    until = {"do": "mute", "account": account.pk, "until": (TODAY + 7 * DAY).isoformat()}
    refused = anybody.post(page, until | {"until": TODAY.isoformat()})
    snoozed = anybody.post(page, until, follow=True).content.decode()

    assert [(one.status_code, "Tick at least one account." in one.content.decode()) for one in nothing] == [
        (400, True)
    ] * 2
    assert f"{page}?do=on_it" in mail.text
    assert page in mail.html
    assert signed not in f"{mail.stored_text}{mail.stored_html}"
    assert all(f'value="{what}"' in asked for what in ("on_it", "mute"))
    assert untouched == [0, 0, 0]
    assert "Noted: you are on it" in noted
    assert Acknowledgement.objects.get(token=None).email == WATCHER
    assert refused.status_code == 400
    assert "Wed 2 Dec 2026" in snoozed
    assert Mute.objects.get().email == WATCHER
    anybody.post(page, {"do": "mail_again"})
    anybody.post(page, {"do": "take_back"})
    assert not Mute.objects.running().exists()
    assert not Acknowledgement.objects.exists()
    assert anybody.post(reverse("answer_mail", args=[f"{signed}x"])).status_code == 404


def test_of_a_shift_a_reader_says_to_be_on_it_and_the_others_who_were_told_hear_of_it() -> None:
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben, name="Lumen Shoes")
    tells("shifted", "recovered", emails=[WATCHER, OTHER])
    stop(ada)
    at_once.tell_news(SOON)
    send(SOON + at_once.LATEST)  # nobody need act on it
    message = Message.objects.get(kind="news", recipient=WATCHER)
    page = reverse("answer_mail", args=[sign_message(message)])

    asked = Client().get(page).content.decode()
    Client().post(page, {"do": "on_it", "account": account.pk})

    assert 'value="on_it"' in asked
    told = Message.objects.get(kind="said", payload__what="on_it")
    assert told.recipient == OTHER
    assert KINDS["said"].build(told).subject == f"{WATCHER} is on it: Lumen Shoes"
    assert account.pk in acknowledgements.running_of_accounts([account.pk])


def test_staff_take_on_and_end_a_snooze_from_the_account_s_page_and_a_foreign_team_does_not_see_it() -> None:
    account = ending(5, name="Lumen Shoes")
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    sent()
    snooze(account, WATCHER, 3)
    may = ("accounts.view_account", "macros.snooze_account", "macros.change_macro", "macros.view_macro")
    client = browser(staff(*may, email="lea@example.com", name="Lea Lead"))
    foreign = browser(staff(*may, email="out@example.com", team=make_team("Fern")))
    looks = browser(staff("accounts.view_account", email="look@example.com"))
    on_it = reverse("admin:accounts_account_on_it", args=[account.pk])

    seen = [one.get(on_it).status_code for one in (client, foreign, looks)]
    client.post(on_it)
    page = client.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()

    text = " ".join(page.split())
    assert seen == [200, 404, 403]
    assert f"{WATCHER} gets no warnings until Sat 28 Nov 2026" in text
    assert "Lea Lead is on it, since" in text
    line = client.get(reverse("admin:accounts_account_line", args=[account.pk])).text
    assert "Somebody snoozed warnings for themselves" in line
    assert f"{WATCHER}: until Sat 28 Nov 2026" in line
    end = f"{reverse('admin:macros_mute_end')}?mute={Mute.objects.get().pk}"
    assert end in page
    assert foreign.post(end).status_code == 404
    client.post(end)
    assert not Mute.objects.running().exists()
    assert list(
        Message.objects.filter(kind="said", payload__what="on_it").values_list("recipient", flat=True)
    ) == [WATCHER]


def test_a_snooze_for_everybody_of_0_2_0_keeps_nothing_back() -> None:
    account = ending(5, name="Lumen Shoes")
    make_macro(emails=[WATCHER], days=[7])
    Mute.objects.create(account=account, until=TODAY + 9 * DAY, started_at=NOW)

    assert evaluate() == [WATCHER]
    assert not Mute.objects.running().exists()


def test_the_list_and_why_not_say_who_is_on_it_and_what_is_snoozed() -> None:
    on, off, out = (ending(5, name=name) for name in ("On", "Off", "Out"))
    action = make_macro(emails=[WATCHER], days=[7])
    snooze(on, WATCHER, 3)
    acknowledgements.acknowledge(deadlines=acknowledgements.deadlines_on(on), email=OTHER, now=NOW)
    services.leave_out(macro=Macro.objects.get(), account_ids=[out.pk], by=None, now=NOW)
    boss = make_person("boss@example.com", is_staff=True, is_superuser=True)
    Mute.objects.create(account=off, macro=action.macro, email=WATCHER, by=boss, started_at=NOW)

    listed = browser(boss).get("/admin/accounts/account/").content.decode()
    said = {
        account.name: " ".join(
            line.text
            for line in (
                *why.about_address(why.what_is_asked(account, WATCHER)),
                *about_macros(why.what_is_asked(account, WATCHER), Macro.objects.all(), now=NOW),
            )
        )
        for account in (on, off, out)
    }

    assert "other@example.com is on it" in listed
    assert "Snoozed this account until Sat 28 Nov" in said["On"]
    assert "Somebody is on it" in said["On"]
    assert "Leaves this address out." in said["Off"]
    assert "Leaves this account out." in said["Out"]
