"""Macros in the staff portal: the form, the preview beside it, the list of accounts."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import tasks
from accounts.models import Account, Job
from macros.models import Macro, MacroAccount, Notice
from macros.mutes import services
from macros.mutes.mails import may_stop_mails
from macros.preview import services as preview
from macros.rules.fields import AccountsPicker
from macros.rules.forms import MacroForm
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import TODAY, WATCHER, die, ending, make_macro, make_person, noon, settle
from tests.macros.test_recipients import stored
from tests.portal.support import notices
from tests.support.factories import NOW, link, make_account, make_team, make_token
from tests.tools import visible
from ui import stored_phrases as kept
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db
MACROS = "/admin/macros/macro/"
ADD = f"{MACROS}add/"
FORM: dict[str, Any] = {
    "name": "Facebook EU",
    "description": "Warn the team.",
    "enabled": "on",
    "scope": "all",
    "kind": "pre_deactivation",
    "emails": "Team@Lumen.example, ben@lumen.example",
    "notify_consenters": "on",
    "days": "7, 30 1",
    "watch": "account",
    "team": "",
}


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def staff(*permissions: str, team: Team | None = None, **fields: Any) -> User:
    user = make_person(is_staff=True, **fields)
    Membership.objects.create(user=user, team=team or Team.default())
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def mira() -> Client:
    return browser(make_person("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True))


def change(macro: Macro) -> str:
    return reverse("admin:macros_macro_change", args=[macro.pk])


def test_a_macro_is_made_with_its_action_and_says_when_it_mails_first(mira: Client) -> None:
    ending(10)

    response = mira.post(ADD, FORM | {"days": "1, 7"})

    macro = Macro.objects.get()
    action = macro.actions.get()
    assert notices(response) == "Macro saved. First mail: Sat 28 Nov."
    assert (action.emails, action.days) == (["team@lumen.example", "ben@lumen.example"], [7, 1])
    assert macro.created_by is not None
    assert macro.created_by.email == "mira@example.com"


def test_what_is_told_at_once_goes_to_whom_the_warning_goes_and_is_taken_away_by_a_tick(mira: Client) -> None:
    mira.post(ADD, FORM | {"at_once": ["deactivated", "shifted"]})
    macro = Macro.objects.get()
    made = {one.kind: (one.emails, one.notify_consenters, one.days) for one in macro.actions.all()}
    page = mira.get(change(macro)).content.decode()
    listed = mira.get(MACROS).content.decode()

    mira.post(change(macro), FORM | {"emails": "new@lumen.example", "at_once": ["shifted"]})

    told = ["team@lumen.example", "ben@lumen.example"]
    assert made == {
        "pre_deactivation": (told, True, [30, 7, 1]),
        "deactivated": (told, True, []),
        "shifted": (told, True, []),
    }
    ticked = re.findall(r'name="at_once" value="(\w+)"[^>]* checked', page)
    assert sorted(ticked) == ["deactivated", "shifted"]
    assert "30, 7, 1, and at once" in listed
    now = {one.kind: one.emails for one in macro.actions.all()}
    assert now == {"pre_deactivation": ["new@lumen.example"], "shifted": ["new@lumen.example"]}


def test_a_macro_may_only_tell_at_once_and_warn_of_nothing_ahead(mira: Client) -> None:
    die(ending(40, name="Dark"))
    only = FORM | {"days": "", "at_once": ["shifted"]}
    boss = {"escalate_to": "boss@example.com", "after": "3"}
    wrong: list[dict[str, Any]] = [{"at_once": []}, boss, {"kind": "other"}]
    refused = [mira.post(ADD, only | changed).content.decode() for changed in wrong]
    none = Macro.objects.count()
    saved = mira.post(ADD, only | boss | {"at_once": ["deactivated", "shifted"]})
    macro = Macro.objects.get()
    told = evaluation.evaluate(now=NOW)
    page = " ".join(mira.get(change(macro)).content.decode().split())
    listed = mira.get(MACROS).content.decode()
    watched = mira.get(
        reverse("admin:accounts_account_change", args=[Account.objects.get().pk])
    ).content.decode()

    mira.post(change(macro), FORM | {"at_once": ["shifted"]})
    both = set(macro.actions.values_list("kind", flat=True))

    assert "Tick what is told at once, or warn ahead." in refused[0]
    assert "There is no first warning: tick that an account is deactivated." in unescape(refused[1])
    assert "field needs a change" in refused[2]
    assert none == 0
    assert notices(saved) == "Macro saved. It only tells at once."
    assert told.notice_count == 0  # of what is dark already
    assert "It only tells at once." in page
    assert "Due, next 30 days" not in page
    assert "At once only" in listed
    assert '<span class="at-strip-note">at once only</span>' in watched
    assert both == {"pre_deactivation", "shifted"}


def test_a_wrong_field_is_named_and_nothing_typed_is_lost(mira: Client) -> None:
    changed = {"emails": "ben@lumen", "days": "7, 0", "scope": "channels"}

    page = mira.post(ADD, FORM | changed).content.decode()

    assert "need a change" in page
    for said in (
        "“ben@lumen” is not a complete e-mail address.</span>",
        "from 1 to 365.",
        "Tick at least one channel.",
        "Warn the team.",
        *changed.values(),
    ):
        assert said in page
    assert not Macro.objects.exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"days": "366"}, "Use whole numbers from 1 to 365."),
        ({"days": "seven"}, "Use whole numbers from 1 to 365."),
        ({"days": "7, 1, 7"}, "7 is in the list twice."),
        ({"emails": "", "notify_consenters": ""}, "Add at least one address, or tick the box below."),
    ],
)
def test_the_form_refuses_days_and_addresses_that_warn_nobody(changed: dict[str, str], words: str) -> None:
    form = MacroForm(FORM | changed, user=make_person(is_superuser=True))

    assert words in unescape(str(form.errors))


def test_a_change_keeps_the_action_and_what_it_has_told(mira: Client) -> None:
    action = make_macro(days=[7])
    ending(5)
    evaluation.evaluate(now=NOW)

    mira.post(change(action.macro), FORM | {"days": "7"})

    assert action.macro.actions.get() == action
    assert Notice.objects.count() == 1


def test_the_page_shows_what_the_macro_would_do(mira: Client) -> None:
    action = make_macro(days=[7], notify_consenters=True)
    ending(10, name="Soon", person=make_person("ada@example.com", name="Ada"))
    ending(200, name="Far")
    covered = ending(10)
    link(covered, make_token(deadline=noon(TODAY + timedelta(days=90))))
    never = make_account()
    link(never, make_token(deadline_kind="never"))
    settle(covered, never)

    page = " ".join(mira.get(change(action.macro)).content.decode().split())

    assert not LogEntry.objects.exists()
    assert "Set Pre-Deactivation Notification" in page
    assert "Sat 28 Nov" in page
    assert "7 days left, 2 people" in page
    assert "<strong>2</strong> mails" in page
    assert "Why 3 accounts stay quiet" in page
    for why in ("covered by a backup", "no end date", "end later"):
        assert why in page


def test_the_preview_agrees_with_the_runs_of_the_coming_days() -> None:
    ahead, ends = [30, 20, 7, 1], (1, 2, 8, 21, 29, 31, 37, 60)
    action = make_macro(days=ahead, notify_consenters=True)
    for days in ends:
        ending(days, life=90)
    die(ending(50))
    promised = preview.preview_draft(stored(action), now=NOW).mails
    for day in sorted({max(end - before, 0) for end in ends for before in ahead if end - before <= 30}):
        at = NOW + timedelta(days=day)
        Account.objects.filter(deadline__lte=at).update(
            deadline=None, deadline_kind="unknown"
        )  # they are no news here
        evaluation.evaluate(now=at)

    assert promised == Message.objects.count() > 10


def test_a_preview_of_very_many_accounts_counts_those_that_end_first_and_says_so(
    mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    macro = make_macro(days=[30]).macro
    later, soon, next_after = ending(20, name="Later"), ending(5, name="Soon"), ending(10, name="Next")
    address = reverse("admin:macros_macro_change", args=[macro.pk])

    monkeypatch.setattr(preview, "MOST", 2)
    some = mira.get(address)
    edited = mira.post(f"{reverse('admin:macros_macro_preview')}?macro={macro.pk}", FORM | {"scope": "all"})

    assert "It is about more than 2 accounts. Only the 2 that end first are counted here." in some.text
    assert [due.account for due in some.context["preview"]["found"].due] == [soon, next_after]
    assert later.name not in edited.text
    assert "Only the 2 that end first" in edited.text
    services.leave_out(macro=macro, account_ids=[later.pk], by=None, now=NOW)
    assert "end first" not in mira.get(address).content.decode()


def test_the_form_reads_the_chosen_accounts_once_and_of_each_what_it_shows(mira: Client) -> None:
    accounts = [make_account(name=f"Chosen {number}") for number in range(3)]
    make_account(name="Other")
    macro = make_macro(scope="chosen").macro
    macro.accounts.set(accounts)

    with CaptureQueriesContext(connection) as asked:
        page = mira.get(change(macro)).content.decode()

    read = [
        query["sql"] for query in asked if '"accounts_account"."name"' in query["sql"].partition(" FROM ")[0]
    ]
    assert all(f"{account.full_name}</option>" in page for account in accounts)
    assert "Other" not in page
    assert len(read) == 1
    assert '"accounts_account"."pause_note"' not in read[0]
    for name in ("accounts", "excluded"):  # thousands are written without two templates each
        assert isinstance(MacroForm(instance=macro, user=make_person()).fields[name].widget, AccountsPicker)


def test_a_form_that_names_more_than_a_thousand_accounts_is_read(mira: Client) -> None:
    gone = [str(10**9 + number) for number in range(1_100)]

    answer = mira.post(ADD, FORM | {"scope": "chosen", "accounts": gone})

    assert answer.status_code == 200  # and not 400
    assert "needs a change" in answer.text


def test_the_page_that_applies_a_macro_asks_as_often_for_twenty_as_for_two(mira: Client) -> None:
    page = f"{reverse('admin:accounts_account_bulk_apply_macro')}?ids={make_account().pk}"
    asked = []
    for number in (2, 18):
        for _ in range(number):
            make_macro(scope="chosen")
        with CaptureQueriesContext(connection) as queries:
            assert mira.get(page).content.decode().count("<option") >= number
        asked.append(sum('"macros_macro"' in query["sql"] for query in queries))

    assert asked[0] == asked[1] > 0


def test_the_preview_asks_as_often_whatever_it_finds() -> None:
    action = make_macro(days=[30, 7], notify_consenters=True)
    die(ending(10))
    asked, mails = [], []

    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            mails.append(preview.preview_draft(stored(action), now=NOW).mails)
        asked.append(len(queries))
        for days in range(3, 9):
            account = ending(days)
            if days % 3:
                die(account)

    assert asked[0] == asked[1]
    assert mails[0] < mails[1]


def test_the_preview_follows_the_form_and_writes_nothing(mira: Client) -> None:
    ending(10, name="Soon")

    response = mira.post(reverse("admin:macros_macro_preview"), FORM)
    broken = mira.post(reverse("admin:macros_macro_preview"), FORM | {"days": "x"})
    empty = mira.post(reverse("admin:macros_macro_preview"), FORM | {"name": ""})

    assert "Soon" in response.content.decode()
    assert "Use whole numbers from 1 to 365." in broken.content.decode()
    assert "Fill in the form" in empty.content.decode()
    assert not Macro.objects.exists()


# --- who may ------------------------------------------------------------------------------------------------------------


def test_staff_without_the_permission_may_not() -> None:
    action = make_macro(team=Team.default())
    client = browser(staff("macros.view_macro"))

    assert client.get(change(action.macro)).status_code == 200
    assert client.post(change(action.macro), FORM).status_code == 403
    assert client.post(ADD, FORM).status_code == 403
    assert client.post(reverse("admin:macros_macro_preview"), FORM).status_code == 403
    assert Macro.objects.get().name == action.macro.name


def test_a_macro_of_another_team_is_not_there() -> None:
    action = make_macro(team=make_team())
    client = browser(staff("macros.view_macro", "macros.change_macro"))

    response = client.post(change(action.macro), FORM)

    assert response.status_code == 302  # Django leads to the start page with "doesn't exist"
    assert Macro.objects.get().name == action.macro.name


def test_who_sees_one_team_writes_macros_of_that_team_only() -> None:
    other = make_team()
    client = browser(staff("macros.add_macro", "macros.change_macro", "macros.view_macro"))
    everywhere = make_macro()

    for team in ("", str(other.pk)):
        client.post(ADD, FORM | {"team": team})
    client.post(change(everywhere.macro), FORM)
    client.post(ADD, FORM | {"team": str(Team.default().pk)})

    assert Macro.objects.exclude(pk=everywhere.macro.pk).get().team == Team.default()
    everywhere.macro.refresh_from_db()
    assert everywhere.macro.name != FORM["name"]


def test_accounts_that_one_does_not_see_cannot_be_chosen_and_stay_when_others_chose_them() -> None:
    foreign, own = make_account(team=make_team()), make_account()
    macro = make_macro(accounts=[foreign], team=Team.default()).macro
    client = browser(staff("macros.change_macro", "macros.view_macro"))
    form = FORM | {"scope": "chosen", "team": str(Team.default().pk)}

    refused = client.post(change(macro), form | {"accounts": [foreign.pk]})
    client.post(change(macro), form | {"accounts": [own.pk]})

    assert refused.status_code == 200
    assert set(macro.accounts.all()) == {foreign, own}


# --- on the list of accounts ------------------------------------------------------------------------------------------

LIST = "/admin/accounts/account/"
APPLY, REMOVE = f"{LIST}bulk/apply-macro/", f"{LIST}bulk/remove-macro/"


def test_the_action_leads_to_a_page_and_changes_nothing(mira: Client) -> None:
    account = make_account()
    make_macro(accounts=[make_account()])

    response = mira.post(LIST, {"action": "apply_macro", "_selected_action": [account.pk]})
    page = mira.get(response["Location"])

    assert response["Location"] == f"{APPLY}?ids={account.pk}"
    assert "Apply which macro to 1 account?" in page.content.decode()
    assert f"{ADD}?accounts={account.pk}" in page.content.decode()
    assert not MacroAccount.objects.filter(account=account).exists()


def test_create_macro_takes_the_selection_along_and_a_macro_without_accounts_offers_to_choose_them(
    mira: Client,
) -> None:
    accounts = [make_account(name=f"Chosen {number}") for number in range(3)]
    page = mira.get(f"{APPLY}?ids={','.join(str(one.pk) for one in accounts[:2])}").content.decode()
    (address,) = re.findall(rf'href="({ADD}[^"]*)"', page)

    form = mira.get(address).content.decode()
    saved = mira.post(ADD, FORM | {"scope": "chosen"}, follow=True).content.decode()

    assert "There is no macro for chosen accounts yet." in page
    assert [f"{one.full_name}</option>" in form for one in accounts] == [True, True, False]
    assert f'It is applied to no account yet. <a class="at-link" href="{LIST}">Choose accounts</a>' in saved


def test_applying_says_how_many_mails_that_is_of_the_accounts_that_are_seen(mira: Client) -> None:
    team = make_team()
    near, foreign = ending(10), ending(10, team=team)
    macro = make_macro(emails=[WATCHER], days=[7], accounts=[make_account()]).macro
    address = f"{reverse('admin:macros_macro_preview')}?macro={macro.pk}&ids={near.pk},{foreign.pk}"
    reader = browser(staff("accounts.view_account", "macros.change_macro"))
    applier = staff("accounts.view_account", "macros.change_macro", "macros.apply_macro")

    both = " ".join(mira.get(address).content.decode().split())
    Macro.objects.filter(pk=macro.pk).update(team=Team.default())
    refused = reader.get(address).status_code
    own = " ".join(browser(applier).get(address).content.decode().split())

    assert refused == 403
    assert "<strong>2</strong> mails" in both
    assert "<strong>1</strong> mail" in own
    assert macro.accounts.count() == 1


def done(client: Client, address: str, macro: Macro) -> str:
    """Send the page, have a worker do it, and return what the page of the job says."""
    leads = client.post(address, {"macro": macro.pk})["Location"]
    tasks.run_jobs()
    return unescape(client.get(leads).content.decode())


def test_a_post_applies_or_removes_it_and_leaves_an_entry_on_each_account_and_one_in_the_log(
    mira: Client,
) -> None:
    first, second, third = make_account(), make_account(), make_account()
    macro = make_macro(accounts=[first]).macro

    applied = done(mira, f"{APPLY}?ids={first.pk},{second.pk},{third.pk}", macro)
    job = Job.objects.get()
    removed = done(mira, f"{REMOVE}?ids={first.pk},{third.pk}", macro)

    assert "2 with the macro now, 1 skipped" in applied
    assert "has the macro already" in applied
    assert f"{REMOVE}?job={job.pk}&macro={macro.pk}" in applied
    assert "2 without the macro now" in removed
    assert set(macro.accounts.all()) == {second}
    entries = map(kept.said, LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert list(entries) == ["Applied to 2 accounts.", "Removed from 2 accounts."]
    assert f"The macro “{macro}” was applied" in unescape(
        mira.get(reverse("admin:accounts_account_line", args=[second.pk])).content.decode()
    )


def test_a_macro_that_is_deleted_meanwhile_is_a_failure_in_words(mira: Client) -> None:
    account = make_account()
    macro = make_macro(accounts=[make_account()]).macro
    leads = mira.post(f"{APPLY}?ids={account.pk}", {"macro": macro.pk})["Location"]
    macro.delete()

    tasks.run_jobs()

    assert "The macro was deleted meanwhile" in unescape(mira.get(leads).content.decode())


def test_a_post_without_a_macro_asks_again(mira: Client) -> None:
    account = make_account()
    make_macro(accounts=[make_account()])

    response = mira.post(f"{APPLY}?ids={account.pk}", {"macro": "999999"})

    assert response.status_code == 200
    assert "needs a change" in response.content.decode()


def test_applying_needs_its_permission_and_reaches_visible_accounts_only() -> None:
    own, foreign = make_account(), make_account(team=make_team())
    macro = make_macro(scope="chosen", team=Team.default()).macro
    url = f"{APPLY}?ids={own.pk},{foreign.pk}"
    reader = browser(staff("accounts.view_account"))
    applier = browser(staff("accounts.view_account", "macros.apply_macro"))

    codes = [reader.get(url).status_code, reader.post(url, {"macro": macro.pk}).status_code]
    anonymous = Client().post(url, {"macro": macro.pk}).status_code
    applier.post(url, {"macro": macro.pk})
    tasks.run_jobs()

    assert (codes, anonymous) == ([403, 403], 302)
    assert macro.accounts.get() == own


def test_the_list_names_the_macros_and_finds_accounts_without_one(mira: Client) -> None:
    make_account(name="Chosen one")
    make_account(name="Bare one")
    macro = make_macro(accounts=[Account.objects.get(name="Chosen one")]).macro
    make_macro(scope="channels", channels=["x"])

    everything = mira.get(LIST).content.decode()
    bare = mira.get(f"{LIST}?macro=none").content.decode()

    assert macro.name in everything
    assert "Bare one" in bare
    assert "Chosen one" not in bare


def test_the_page_of_an_account_says_who_warns(mira: Client) -> None:
    account = make_account()
    macro = make_macro(accounts=[account], days=[30, 7]).macro

    tokens, macros = (
        visible.dense(mira.get(reverse(f"admin:accounts_account_{tab}", args=[account.pk])).text)
        for tab in ("change", "macros")
    )

    assert "1 macro" in tokens
    assert macro.name in macros
    assert reverse("admin:macros_macro_change", args=[macro.pk]) in macros
    assert f"{APPLY}?account={account.pk}" in macros
    assert "30, 7 days ahead" in tokens
    assert ">30, 7<" in macros


def test_a_number_that_names_no_macro_is_no_error(mira: Client) -> None:
    for number in ("²", "9" * 5000):
        assert mira.post(f"{reverse('admin:macros_macro_preview')}?macro={number}").status_code == 404
        assert mira.get(LIST, {"macro": number}).status_code in {200, 302}


def test_the_list_says_what_each_macro_does_and_when_it_last_mailed(mira: Client) -> None:
    action = make_macro(days=[7], notify_consenters=True)
    make_macro(days=[30, 7], notify_consenters=True, scope="channels", channels=["facebook", "x"])
    for account in (ending(5), ending(6)):
        MacroAccount.objects.create(macro=action.macro, account=account)
    Macro.objects.filter(pk=action.macro_id).update(scope=Macro.AppliesTo.CHOSEN)
    evaluation.evaluate(now=NOW)
    Notice.objects.update(outcome=Notice.Outcome.MAILED)

    make_macro(team=make_team("Fern"))
    page = mira.get(MACROS).content.decode()

    assert "2 chosen accounts" in page
    assert "All accounts of Fern" in page
    assert "Facebook, X" in page
    assert "30, 7" in page
    assert "1 address and people who linked" in page
    assert f"{NOW:%a} {NOW.day} {NOW:%b}" in page


def test_what_an_edit_takes_out_of_a_macro_is_still_what_the_macro_sent(mira: Client) -> None:
    ending(5)
    macro = make_macro(days=[7]).macro
    evaluation.evaluate(now=NOW)
    Notice.objects.update(outcome=Notice.Outcome.MAILED)
    message = Message.objects.get()

    form = FORM | {"name": macro.name, "emails": WATCHER, "days": "", "at_once": ["shifted"]}
    mira.post(change(macro), form)
    listed = mira.get(MACROS).content.decode()
    messages = mira.get("/admin/notifications/message/", {"macro": macro.pk}).context["cl"].result_list
    page = " ".join(mira.get(change(macro)).content.decode().split())
    stops = may_stop_mails(message)
    kinds = list(macro.actions.values_list("kind", flat=True))
    with pytest.raises(NotWanted, match="The macro no longer tells this"):
        mails.build_mail(message)
    macro.delete()

    assert kinds == ["shifted"]
    assert f"{NOW:%a} {NOW.day} {NOW:%b}" in listed
    assert list(messages) == [message]
    assert "What it sent" in page
    assert stops
    assert (
        Notice.objects.filter(action=None, was_of=None).values_list("macro_name", flat=True).get()
        == macro.name
    )
