"""What happens to people, log-ins, apps and mails while a campaign runs: what each reader is told then, and who is told nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from accounts.campaigns import running, stages
from accounts.mails import ask_mail
from accounts.models import Campaign
from notifications.kinds import NotWanted
from notifications.models import Message
from tests.accounts.test_campaigns import DAY, START, asked, begin, log_in, stage, work
from tests.support.factories import make_app, make_token, make_user
from tokens.models import ChannelApp, Token
from users import refused_addresses
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def mira() -> User:
    user = make_user("mira@example.com", name="Mira Ode", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="run_campaign"))
    return user


def person_of(token: Token) -> User:
    assert token.consented_by
    return token.consented_by


def mails_to(token: Token) -> list[Message]:
    return list(Message.objects.filter(recipient=person_of(token).email).order_by("pk"))


def test_a_log_in_that_somebody_else_renewed_is_done_and_the_mail_speaks_to_its_reader_of_the_rest(
    mira: User,
) -> None:
    ada, ben = make_user("ada@example.com", name="Ada Okafor"), make_user("ben@example.com", name="Ben")
    taken, left = log_in(person=ada), log_in(person=ada)
    begin(mira, taken, left)
    work(START)
    mail = Message.objects.get()
    Token.objects.filter(pk=taken.pk).update(consented_by=ben, linked_at=mail.created_at + HOUR)
    Message.objects.update(created_at=START)
    Token.objects.filter(pk=taken.pk).update(linked_at=START + HOUR)

    built = ask_mail.build(Message.objects.get())
    stages.settle(now=START + HOUR, people=[ben.pk])
    reminded = work(START + 2 * DAY)

    assert "Ada, " in built.text
    assert "Ben" not in built.text
    assert built.text.count("/renew/") == 1, "her own link, of what is still hers"
    assert (stage(taken)[0], stage(left)[0], reminded) == ("done", "sent", 1)
    assert [one.payload["tokens"] for one in mails_to(left)] == [[taken.pk, left.pk], [left.pk]]


def test_stopping_stops_also_first_mails_that_have_not_left_unless_another_campaign_counts_on_them(
    mira: User,
) -> None:
    alone, both = log_in("Ada"), log_in("Ben")
    first = begin(mira, alone, both)
    work(START)
    begin(mira, both, at=START + HOUR)
    work(START + HOUR)

    running.stop(campaign=first, by=mira, now=START + 2 * HOUR)

    with pytest.raises(NotWanted, match="was over"):
        ask_mail.build(mails_to(alone)[0])
    assert "Ben" in ask_mail.build(mails_to(both)[0]).text
    assert [work(START + days * DAY) for days in (2, 3)] == [0, 1], (
        "2 days after it was asked as the second one's"
    )
    assert (asked(alone), asked(both)) == ([0], [0, 1])


def test_who_came_since_the_mail_is_where_they_are_though_it_came_back_and_is_not_mailed_there(
    mira: User,
) -> None:
    names = ("came", "opened", "waits", "before")
    tokens = {name: log_in(name) for name in names}
    begin(mira, *tokens.values())
    work(START)
    stages.note_at_channel(token_ids=[tokens["came"].pk], now=START + HOUR)
    stages.note_opened(token_ids=[tokens["opened"].pk, tokens["before"].pk], now=START + HOUR)
    for name in ("came", "opened", "waits"):
        refused_addresses.note(
            person_of(tokens[name]).email, said="550", now=START, why=refused_addresses.Why.BOUNCED
        )
    Message.objects.filter(payload__tokens=[tokens["came"].pk]).update(state="failed")

    stages.settle(now=START + HOUR)
    found = {name: stage(token) for name, token in tokens.items()}
    reminded = work(START + 2 * DAY)
    Message.objects.filter(payload__reminder=1).update(state="failed")
    stages.settle(now=START + 2 * DAY)

    assert found == {
        "came": ("at_channel", ""),
        "opened": ("opened", ""),
        "waits": ("failed", "parked"),
        "before": ("opened", ""),
    }
    assert reminded == 1
    assert stage(tokens["before"]) == ("failed", "mail_failed"), "they came before the mail that failed"


def test_who_is_switched_off_and_on_again_is_reminded_and_who_is_deleted_is_nobody(mira: User) -> None:
    away, gone, waits = log_in("away"), log_in("gone"), log_in("waits")
    campaign = begin(mira, away, gone, waits)
    work(START)
    User.objects.filter(name="away").update(is_active=False)
    person_of(gone).delete()

    meanwhile = work(START + 2 * DAY)
    found = stage(away), stage(gone)
    User.objects.filter(name="away").update(is_active=True)
    back = work(START + 3 * DAY)
    mira.delete()
    over = work(START + 5 * DAY)

    campaign.refresh_from_db()
    assert (meanwhile, back, over) == (1, 1, 0)
    assert found == (("not_askable", "person_left"), ("not_askable", "nobody_known"))
    assert (campaign.ending, campaign.made_by) == (Campaign.Ending.MAKER_LEFT, None)
    assert (stage(away)[0], stage(gone)[0]) == ("left", "not_askable")


def test_an_app_that_retires_in_the_middle_costs_nobody_a_reminder_and_no_link(mira: User) -> None:
    moved, waits = log_in("Ada"), log_in("Ben")
    begin(mira, moved, waits)
    work(START)
    before = ask_mail.build(mails_to(waits)[0]).text
    ChannelApp.objects.filter(pk=moved.app_id).update(is_default=False)
    new = make_app("facebook", client_id="new")
    facts: dict[str, Any] = {"consented_by": person_of(moved), "native_user_name": "Ada"}
    make_token(new, linked_at=START + DAY, **facts)

    reminded = work(START + 2 * DAY)
    after = ask_mail.build(mails_to(waits)[-1]).text

    assert (reminded, stage(moved), stage(waits)) == (1, ("done", ""), ("sent", ""))
    assert [text.count("/renew/") for text in (before, after)] == [1, 1]
