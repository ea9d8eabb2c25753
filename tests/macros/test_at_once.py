"""What macros tell at once: one mail for what one cause does, once, of what holds then, to those whom nobody else tells of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import actions, message_history, pool, pool_entries
from accounts.models import Account, AccountNotice, FreshEvents
from accounts.telling import notices
from macros import at_once, evaluation, tasks
from macros.models import DelayedEvent, Evaluation, Macro, MacroAction, NewsNotice, Notice
from macros.mutes import links, not_mine
from notifications import claims, delivery, kinds
from notifications.kinds import NotWanted
from notifications.models import Message
from tests.macros.support import WATCHER, analyze, make_macro, make_person
from tests.notifications.support import claim_next
from tests.support import acting
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token, make_user
from tests.support.leaving import removed
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.channels.kinds import Classification, Inspection, Reason, Verdict
from tokens.models import Token
from users import database_clock, refused_addresses
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SOON = NOW + timedelta(seconds=35)


def tells(*told: str, emails: Sequence[str] = (WATCHER,), **fields: object) -> Macro:
    """A macro that tells these kinds at once."""
    warning = make_macro(emails=emails, **fields)  # type: ignore[arg-type]
    for kind in told:
        MacroAction.objects.create(
            macro=warning.macro,
            kind=kind,
            emails=warning.emails,
            notify_consenters=warning.notify_consenters,
        )
    return warning.macro


def linked(*tokens: Token, name: str = "", team: Team | None = None) -> Account:
    """An account that these log-ins have carried for an hour, the first one now; what was written then is read."""
    name = name or f"Account {Account.objects.count() + 1}"
    account = make_account(tokens[0].app.channel, name=name, created_at=NOW - HOUR, team=team)
    for rank, token in enumerate(tokens):
        link(account, token, rank=rank)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW - HOUR)
    at_once.tell(NOW - HOUR + MINUTE)
    return account


def person(name: str, **fields: object) -> User:
    return make_person(f"{name.lower()}@example.com", name=f"{name} Okafor", **fields)


def log_in(user: User | None, **fields: object) -> Token:
    return make_token(
        make_app(), consented_by=user, native_user_name=f"{user.name if user else 'Old'} FB", **fields
    )


def answered(
    token: Token, verdict: Verdict, reason: Reason | None, now: datetime, *, source: str = "sweep"
) -> None:
    token.refresh_from_db()
    lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=Inspection(Classification(verdict, reason)),
        now=now,
        source=source,
    )


def die(token: Token, now: datetime = NOW) -> None:
    end(token, now=now)


def revive(account: Account, now: datetime) -> None:
    """Somebody else links it."""
    link(account, make_token(make_app()))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=now)


def restrict(account: Account, words: str, now: datetime = NOW) -> None:
    account.refresh_from_db()
    with transaction.atomic():
        pool_entries._restrict(account, words, now, "sweep")


def send(now: datetime = SOON) -> list[str]:
    """Build and send what is queued, as a worker does. Returns "reader: subject" of each mail that went out."""
    sent = []
    while message := claim_next(now=now + MINUTE):
        try:
            made = kinds.KINDS[message.kind].build(message)
        except NotWanted as answer:
            claims.record_cancelled(message, str(answer))
            continue
        claims.record_sent(
            message,
            claims.Sent(made.subject, made.stored_text or made.text, made.stored_html or made.html),
            now=now,
        )
        sent.append(f"{message.recipient}: {made.subject}")
    return sorted(sent)


def to_watcher(sent: Sequence[str]) -> list[str]:
    return [one for one in sent if one.startswith(WATCHER)]


def refuse(message: Message) -> None:
    """The mail server refuses its address for good."""
    refused_addresses.note(message.recipient, said="550 unknown", now=SOON)
    message.state, message.error = Message.State.FAILED, "550 unknown"
    message.save()
    ended = kinds.KINDS[message.kind].ended
    assert ended is not None
    ended(message)


def test_one_log_in_s_death_in_three_hundred_accounts_is_one_mail_within_a_minute() -> None:
    tells("deactivated")
    token = log_in(person("Ada"))
    for number in range(300):
        account = make_account(name=f"Account {number:03}", created_at=NOW - HOUR)
        link(account, token)
    with transaction.atomic():
        pool.settle(token_ids=[token.pk], cause="linked", now=NOW - HOUR)
    at_once.tell(NOW - HOUR + MINUTE)
    analyze()

    die(token)
    early = at_once.tell(NOW + timedelta(seconds=20))
    written = at_once.tell(SOON)
    again = at_once.tell(SOON + MINUTE)

    assert (early, written, again) == (0, 1, 0)
    assert to_watcher(send()) == [
        f"{WATCHER}: Account 000 is deactivated: waiting for Ada Okafor (+299 more)"
    ]
    assert Notice.objects.filter(outcome="mailed", threshold=0).count() == 300


def test_the_next_morning_does_not_tell_it_again() -> None:
    tells("deactivated")
    account = linked(token := log_in(person("Ada")))
    die(token)
    at_once.tell(SOON)
    send()

    report = evaluation.evaluate(now=NOW + timedelta(days=1))

    assert report.notices == 0
    assert account.notices.get().evaluation.trigger == Evaluation.Trigger.EVENT


def test_one_death_that_stops_some_and_shifts_others_tells_each_once() -> None:
    tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, name="Alone")
    linked(ada, ben, name="Backed up")

    die(ada)
    at_once.tell(SOON)

    assert to_watcher(send()) == [
        f"{WATCHER}: Alone is deactivated: waiting for Ada Okafor",
        f"{WATCHER}: Backed up goes on through Ben Okafor",
    ]
    text = " ".join(Message.objects.get(kind="macro_news").text.split())
    assert "One ad account goes on through another log-in: nothing failed." in text
    assert "Waiting for Ada Okafor, ada@example.com" in text


@pytest.mark.parametrize("at", [SOON, NOW + 3 * DAY], ids=["soon", "after a weekend without the sweep"])
def test_whom_the_mail_of_the_death_tells_is_not_told_the_same_by_a_macro(at: datetime) -> None:
    tells("deactivated", "shifted", emails=["ada@example.com", WATCHER])
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, name="Alone")
    linked(ada, ben, name="Backed up")

    die(ada)
    at_once.tell(at)

    sent = send(at)
    assert set(Message.objects.filter(recipient="ada@example.com").values_list("kind", flat=True)) == {"died"}
    assert len(to_watcher(sent)) == 2


def test_whom_the_mail_about_a_leaver_tells_is_not_told_the_same_by_a_macro() -> None:
    tells("deactivated", emails=["lea@example.com", WATCHER])
    lea, ada, boss = person("Lea"), person("Ada"), make_user("boss@example.com")
    as_lead = {"role": Membership.Role.TEAM_LEAD}
    Membership.objects.update_or_create(user=lea, team=Team.default(), defaults=as_lead)
    tokens = [log_in(ada), log_in(ada)]
    for token in tokens:
        linked(token)

    removed(*tokens, by=boss, now=NOW, left=ada)
    at_once.tell(SOON)

    sent = send()
    assert list(Message.objects.filter(recipient="lea@example.com").values_list("kind", flat=True)) == [
        "left"
    ]
    assert len(to_watcher(sent)) == 1


def test_recovery_is_told_at_once_and_by_nobody_else_later() -> None:
    tells("deactivated", "recovered")
    account = linked(token := log_in(person("Ada")), name="Fern Gardens")
    die(token)
    at_once.tell(SOON)
    send()

    revive(account, NOW + 5 * MINUTE)
    at_once.tell(NOW + 6 * MINUTE)
    sent = send(NOW + 6 * MINUTE)
    notices.tell(NOW + 20 * MINUTE)
    later = send(NOW + 20 * MINUTE)

    assert to_watcher(sent) == [f"{WATCHER}: Fern Gardens works again"]
    assert to_watcher(later) == []
    assert not AccountNotice.objects.filter(recipient=WATCHER, closed_at=None).exists()


def test_a_macro_that_tells_of_recovery_alone_tells_of_it() -> None:
    tells("recovered")
    account = linked(token := log_in(person("Ada")), name="Fern Gardens")
    die(token)
    revive(account, NOW + 5 * MINUTE)
    at_once.tell(NOW + 6 * MINUTE)

    assert to_watcher(send(NOW + 6 * MINUTE)) == [f"{WATCHER}: Fern Gardens works again"]


def test_a_first_link_and_a_blip_are_no_recovery() -> None:
    tells("deactivated", "recovered")
    account = linked(token := log_in(person("Ada")))
    first = Message.objects.count()

    die(token)
    revive(account, NOW + timedelta(seconds=10))
    at_once.tell(SOON)

    assert first == 0
    assert to_watcher(send()) == []


def test_an_account_that_flaps_is_told_of_once_an_hour_and_then_as_it_is() -> None:
    tells("deactivated")
    account = linked(token := log_in(person("Ada")), name="Fern Gardens")
    die(token)
    at_once.tell(SOON)
    first = to_watcher(send())
    revive(account, NOW + 15 * MINUTE)
    notices.tell(NOW + 26 * MINUTE)
    send(NOW + 26 * MINUTE)
    die(Token.objects.get(pool_entries__account=account, state="valid"), NOW + 30 * MINUTE)

    at_once.tell(NOW + 31 * MINUTE)
    within = to_watcher(send(NOW + 31 * MINUTE))
    at_once.tell(NOW + 62 * MINUTE)
    after = to_watcher(send(NOW + 62 * MINUTE))

    assert len(first) == 1
    assert within == []
    assert len(after) == 1
    assert "Fern Gardens is deactivated" in after[0]
    assert not DelayedEvent.objects.exists()


def test_what_one_reader_was_told_within_the_hour_keeps_nothing_from_another_nor_that_it_stops() -> None:
    tells("shifted", "deactivated")
    ada, ben, cem = (log_in(person(name)) for name in ("Ada", "Ben", "Cem"))
    linked(ada, ben, cem, name="Fern Gardens")
    die(ada)
    at_once.tell(SOON)
    first = send()
    tells("shifted", "restricted", emails=["other@example.com"])

    die(ben, NOW + 10 * MINUTE)
    at_once.tell(NOW + 11 * MINUTE)
    second = [one.partition(":")[0] for one in send(NOW + 11 * MINUTE) if "goes on" in one]
    die(cem, NOW + 20 * MINUTE)
    at_once.tell(NOW + 21 * MINUTE)
    third = to_watcher(send(NOW + 21 * MINUTE))
    at_once.tell(NOW + 62 * MINUTE)

    assert len(to_watcher(first)) == 1
    assert [one for one in second if one in {WATCHER, "other@example.com"}] == ["other@example.com"]
    assert [one.split(": ")[1] for one in third] == ["Fern Gardens is deactivated"]
    assert to_watcher(send(NOW + 62 * MINUTE)) == []
    assert not DelayedEvent.objects.exists()


def test_what_is_over_when_the_hour_is_over_is_not_told() -> None:
    tells("deactivated")
    account = linked(token := log_in(person("Ada")))
    die(token)
    at_once.tell(SOON)
    send()
    revive(account, NOW + 15 * MINUTE)
    notices.tell(NOW + 26 * MINUTE)
    send(NOW + 26 * MINUTE)
    die(Token.objects.get(pool_entries__account=account, state="valid"), NOW + 30 * MINUTE)
    at_once.tell(NOW + 31 * MINUTE)

    revive(account, NOW + 40 * MINUTE)
    at_once.tell(NOW + 62 * MINUTE)

    assert to_watcher(send(NOW + 62 * MINUTE)) == []


def test_a_restriction_is_told_in_the_channel_s_words_and_not_once_lifted() -> None:
    tells("restricted", "recovered")
    account = linked(log_in(person("Ada")), name="Fern Gardens")
    other = linked(log_in(person("Ben")), name="Gone again")

    restrict(account, "an unpaid bill")
    restrict(other, "a review")
    restrict(other, "", NOW + timedelta(seconds=20))
    at_once.tell(SOON)
    waits = DelayedEvent.objects.count()  # telling finds out whom it tells itself
    notices.tell(NOW + 61 * timedelta(seconds=1))
    at_once.tell(NOW + 75 * timedelta(seconds=1))

    sent = send(NOW + 2 * MINUTE)
    assert waits
    assert to_watcher(sent) == [f"{WATCHER}: Facebook has restricted Fern Gardens"]
    assert "Facebook says: an unpaid bill" in " ".join(Message.objects.get(kind="macro_news").text.split())


def test_whom_telling_tells_of_a_restriction_is_not_told_by_the_macro() -> None:
    tells("restricted", notify_consenters=True)
    account = linked(log_in(person("Ada")), name="Fern Gardens")

    restrict(account, "an unpaid bill")
    at_once.tell(SOON)
    notices.tell(NOW + 61 * timedelta(seconds=1))
    at_once.tell(NOW + 75 * timedelta(seconds=1))

    subject = "Facebook has restricted Fern Gardens"
    assert send(NOW + 2 * MINUTE) == [f"ada@example.com: {subject}", f"{WATCHER}: {subject}"]


def test_what_staff_do_on_purpose_tells_nobody() -> None:
    tells("deactivated", "shifted", "recovered")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben)
    actor = make_user("staff@example.com", is_superuser=True)

    actions.make_active(account=account, token=ben, actor=actor, note="", now=NOW)
    acting.pause(account=account, actor=actor, note="", now=NOW + MINUTE)
    at_once.tell(NOW + 2 * MINUTE)
    acting.resume(account=account, actor=actor, note="", now=NOW + 3 * MINUTE)
    at_once.tell(NOW + 4 * MINUTE)

    assert to_watcher(send(NOW + 5 * MINUTE)) == []


def test_resuming_tells_what_went_dark_meanwhile_and_nothing_that_was_dark_before() -> None:
    tells("deactivated")
    dark, never, dies = linked(log_in(person("Ada")), name="Dark"), make_account(name="Never"), log_in(None)
    meanwhile = linked(dies, name="Meanwhile")
    with transaction.atomic():
        pool.settle(account_ids=[never.pk], cause="linked", now=NOW - HOUR)
    die(dark.pool.get().token, NOW - MINUTE)
    at_once.tell(NOW)
    before = len(send(NOW))
    actor = make_user("staff@example.com", is_superuser=True)
    accounts = [dark, never, meanwhile]

    for account in accounts:
        acting.pause(account=account, actor=actor, note="", now=NOW + MINUTE)
    die(dies, NOW + 2 * MINUTE)
    for account in accounts:
        acting.resume(account=account, actor=actor, note="", now=NOW + HOUR)
    at_once.tell(NOW + HOUR + MINUTE)

    assert before > 0
    assert to_watcher(send(NOW + HOUR + MINUTE)) == [
        f"{WATCHER}: Meanwhile is deactivated: nobody can be asked"
    ]
    dark.refresh_from_db()
    assert dark.since == NOW - MINUTE


def test_such_a_mail_has_the_links_of_a_warning_and_its_kept_copy_has_none() -> None:
    tells("shifted", emails=[WATCHER])
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben)
    die(ada)
    at_once.tell(SOON)

    message = Message.objects.get(kind="macro_news")
    mail = kinds.KINDS[message.kind].build(message)

    assert message.recipient == WATCHER
    assert "List-Unsubscribe" in mail.headers
    assert links.sign(message) in mail.text
    assert links.sign(message) not in (mail.stored_text or "")
    assert not_mine.accounts_of(message) == [account]
    assert f"/mails/{links.sign(message)}/?do=on_it" in mail.text


@pytest.mark.parametrize("kind", ["deactivated", "shifted"])
def test_where_the_mail_server_refuses_the_address_whoever_stands_in_is_told(
    kind: str, settings: Settings
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    tells(kind)
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, *([ben] if kind == "shifted" else []))
    die(ada)
    at_once.tell(SOON)

    refuse(Message.objects.get(recipient=WATCHER))
    at_once.tell(timezone.now() + MINUTE)

    told = Message.objects.filter(kind__in=["macro", "macro_news"]).exclude(recipient=WATCHER)
    assert list(told.values_list("recipient", flat=True)) == ["ops@example.com"]


@pytest.mark.parametrize("change", ["off", "deleted", "narrowed", "unticked"])
def test_a_macro_that_changed_before_its_mail_goes_out_tells_nothing(change: str) -> None:
    macro = tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada)
    linked(ada, ben)
    die(ada)
    at_once.tell(SOON)

    if change == "off":
        Macro.objects.update(enabled=False)
    elif change == "deleted":
        macro.delete()
    elif change == "narrowed":
        Macro.objects.update(scope="channels", channels=["x"])
    else:
        macro.actions.exclude(kind="pre_deactivation").delete()

    assert to_watcher(send()) == []
    assert set(NewsNotice.objects.values_list("outcome", flat=True)) == {"dropped"}
    assert all(one.macro_title for one in NewsNotice.objects.all())


def test_an_account_of_another_team_by_now_is_not_told_of() -> None:
    team = make_team()
    tells("deactivated", team=team)
    account = linked(token := log_in(person("Ada")), team=team)
    die(token)
    Account.objects.filter(pk=account.pk).update(team=Team.default())

    at_once.tell(SOON)

    assert to_watcher(send()) == []


def test_a_macro_hears_of_its_own_accounts_only() -> None:
    ada = log_in(person("Ada"))
    one, _other = linked(ada, name="Chosen"), linked(ada, name="Other")
    tells("deactivated", accounts=[one])
    tells("deactivated", emails=["x@example.com"], scope="channels", channels=["x"])

    die(ada)
    at_once.tell(SOON)

    assert to_watcher(send()) == [f"{WATCHER}: Chosen is deactivated: waiting for Ada Okafor"]
    assert not Message.objects.filter(recipient="x@example.com").exists()


def test_two_macros_with_one_address_are_one_mail() -> None:
    tells("deactivated", "shifted")
    tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada)
    linked(ada, ben)

    die(ada)
    at_once.tell(SOON)

    assert sorted(Message.objects.filter(recipient=WATCHER).values_list("kind", flat=True)) == [
        "macro",
        "macro_news",
    ]


def test_an_address_outside_gets_a_mail_for_each_team_and_a_person_one() -> None:
    make_person("boss@example.com")
    tells("shifted", emails=[WATCHER, "boss@example.com"])
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="One")
    linked(ada, ben, name="Two", team=make_team())

    die(ada)
    at_once.tell(SOON)

    assert [one for one in send() if not one.startswith("ada@")] == [
        "boss@example.com: One goes on through someone in another team (+1 more)",
        f"{WATCHER}: One goes on through Ben Okafor",
        f"{WATCHER}: Two goes on through Ben Okafor",
    ]


def test_the_account_s_messages_show_what_was_told() -> None:
    tells("shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben)
    die(ada)
    at_once.tell(SOON)

    found = {one.message.kind: one.said for one in message_history.about(account, limit=10)}
    facts = kinds.why(Message.objects.get(kind="macro_news"))

    assert found["macro_news"].startswith("another log-in took over (macro “Macro ")
    assert [fact.what.endswith("another log-in took over") for fact in facts] == [True]


def test_the_list_of_messages_shows_those_of_one_macro(client: Client, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    make_person("boss@example.com")
    macro = tells("deactivated", "shifted", emails=[WATCHER, "boss@example.com"])
    other = tells("deactivated", emails=["other@example.com"])
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada)
    linked(ada, ben)
    die(ada)
    at_once.tell(SOON)
    client.force_login(
        make_user("mira@example.com", is_staff=True, is_superuser=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )

    found = {one: message_history_of(client, one) for one in (macro, other)}

    assert found[macro] == sorted([WATCHER, "boss@example.com"] * 2)
    assert found[other] == ["other@example.com"]


def message_history_of(client: Client, macro: Macro) -> list[str]:
    """The readers of what Messages lists of a macro."""
    page = client.get("/admin/notifications/message/", {"macro": macro.pk})
    return sorted(one.recipient for one in page.context["cl"].result_list)


def test_without_such_actions_nothing_is_written_and_nothing_kept() -> None:
    make_macro()
    account = linked(token := log_in(person("Ada")))
    die(token)
    kept = FreshEvents.objects.count()

    written = at_once.tell(SOON)

    assert (kept, written, FreshEvents.objects.count()) == (1, 0, 0)
    assert not account.notices.exists()


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_told_all_the_same_and_what_is_read_again_is_told_once() -> None:
    tells("deactivated")
    account = linked(token := log_in(person("Ada")))

    with transaction.atomic():
        die(token)
        early = elsewhere(SOON)  # the death is not committed
    first = at_once.tell(SOON + MINUTE)
    FreshEvents.objects.create(at=NOW)
    second = at_once.tell(SOON + 2 * MINUTE)

    assert (early, first, second) == (0, 1, 0)
    assert account.notices.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_sweeps_at_once_one_tells() -> None:
    tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada)
    linked(ada, ben)
    die(ada)

    with ThreadPoolExecutor(4) as pool_of_workers:
        written = [each.result() for each in [pool_of_workers.submit(elsewhere, SOON) for _ in range(4)]]

    assert sum(written) == 2
    assert Message.objects.filter(recipient=WATCHER).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_task_and_the_outbox_bring_it_by_smtp(channels_world: Sandbox) -> None:
    tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, name="Alone")
    linked(ada, ben, name="Backed up")
    die(ada, database_clock.now() - timedelta(seconds=31))

    tasks.tell_at_once.apply().get()
    delivery.deliver(clock=database_clock.now)

    came = channels_world.mails(to=WATCHER)
    assert sorted(mail["subject"] for mail in came) == [
        "Alone is deactivated: waiting for Ada Okafor",
        "Backed up goes on through Ben Okafor",
    ]


def elsewhere(now: datetime) -> int:
    """Sweep in another thread, which has its own connection to the database."""

    def sweep() -> int:
        try:
            return at_once.tell(now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        return other.submit(sweep).result()
