"""Letting go what is one's own: the page names what stops and who could carry on, of the own teams alone, and reaches nothing else."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import tasks
from accounts.models import Account, Job
from tests.accounts.leaving.support import carried, lead, log_in, mails, person, reaches, states
from tests.support import native
from tests.support.factories import link, make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import User
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _world(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(*what: Token | Account) -> str:
    if isinstance(what[0], Account):
        return reverse("give_up_account", args=[what[0].pk])
    ids = "&".join(f"log_in={one.pk}" for one in what)
    return f"{reverse('remove_log_ins')}?{ids}"


def send(client: Client, url: str, **form: Any) -> Any:
    found = re.search(r'name="seen" value="([^"]+)"', client.get(url).text)
    assert found
    return client.post(url, {"seen": found[1], **form}, follow=True)


def test_the_page_says_who_could_carry_on_and_names_nobody_of_another_team() -> None:
    team, other = make_team("Lumen"), make_team("Fern")
    mara, emil, cleo = (person(name, team=team) for name in ("Mara", "Emil", "Cleo"))
    mine, also, kept = log_in(mara), log_in(mara), log_in(mara)
    at_hand = carried(mine, also, team=team, name="Lumen EU")
    stopped = carried(mine, log_in(cleo, state="dead"), team=team, name="Lumen US")
    alone = carried(mine, team=team, name="Lumen Home")
    weak = carried(mine, log_in(emil), team=team, name="Lumen <b>Weak</b>")
    carried(mine, log_in(emil), log_in(cleo), team=team, name="Lumen Safe")
    foreign = carried(mine, team=other, name="Fern Gardens")
    carried(kept, team=team)
    reaches(log_in(emil), at_hand)
    reaches(log_in(person("Petra", team=other)), foreign)
    client, url = browser(mara), page_of(mine, also)

    page = client.get(url).text
    waiting = send(client, url, typed="Mara").text
    going = client.get(url, follow=True).text
    tasks.run_jobs()
    after = client.get(reverse("log_ins")).text

    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f'href="{reverse("remove_log_ins")}?log_in={kept.pk}"' in client.get(reverse("log_ins")).text
    assert "4 accounts stop: nobody else is linked." in text
    who = "Who could keep it connected"
    stops = f"Stops: nobody else keeps it connected. {who}:"
    assert f"Lumen EU (Facebook) : {stops} Emil, whose log-in reaches it" in text
    assert f"{stops} Cleo, whose log-in there stopped" in text
    assert f"Lumen Home (Facebook) : {stops} Nobody yet" in text
    assert f"Lumen &lt;b&gt;Weak&lt;/b&gt; (Facebook) : Goes on through Emil. {who}: Nobody else yet" in text
    assert "1 account stays as it is" in text
    assert "Petra" not in text
    invites = ",".join(str(one.pk) for one in (at_hand, stopped, alone, weak))
    assert f'href="/backups/invite/?account={invites}&amp;next=' in page
    assert "2 log-ins are being removed." in waiting
    assert "removed already" in going
    assert "being removed" not in after
    assert states(mine, also) == {("dead", "removed")}
    assert Job.objects.filter(kind="remove").count() == 1


def test_a_single_one_goes_at_once_after_its_name_was_typed_and_is_not_asked_for_again() -> None:
    ada = person("Ada")
    native.linked_before("facebook", ada)
    token = Token.objects.get()
    client, url = browser(ada), page_of(token)

    wrong = send(client, url, typed="no")
    untouched = states(token)
    done = send(client, url, typed=token.native_user_name).text

    assert "This is not the name." in wrong.text
    assert untouched == {("valid", "")}
    assert "nothing is served by it" in done
    assert states(token) == {("dead", "removed")}
    assert "Re-authenticate" not in client.get(reverse("my_accounts")).text


def test_an_account_is_given_up_from_its_page_and_the_lead_reads_who_runs_it() -> None:
    team = make_team("Nordbad")
    lea, ada, ben = lead("Lea", team), person("Ada", team=team), person("Ben", team=team)
    shop = carried(log_in(ada), log_in(ben), team=team, name="Nordbad Mode")
    client = browser(ada)

    offered = page_of(shop) in client.get(reverse("my_account", args=[shop.pk])).text
    asks = " ".join(client.get(page_of(shop)).text.split())
    done = send(client, page_of(shop), note="Ben runs it now").text
    again = client.post(page_of(shop), {}, follow=True)
    tasks.run_jobs()

    assert offered
    assert "Who runs this account now?" in asks
    assert "Goes on through Ben" in asks
    assert "Your log-in is no longer used for Nordbad Mode" in done
    assert again.redirect_chain[0][0] == reverse("my_account", args=[shop.pk])
    assert [one.token.consented_by for one in shop.pool.all()] == [ben]
    assert mails() == {("left", lea.email): 1}


def test_others_accounts_and_log_ins_are_out_of_reach() -> None:
    team = make_team()
    ada, ben = person("Ada", team=team), person("Ben", team=make_team("Other"))
    mine, his = log_in(ada), log_in(ben)
    shop, foreign = carried(mine, team=team), carried(his, team=make_team("Third"))
    link(shop, his)
    auditor = make_user("audit@example.com")
    give_role(auditor, Role.AUDITOR)

    statuses = [
        browser(ada).post(page_of(foreign)).status_code,
        browser(auditor).post(page_of(shop)).status_code,
        browser(ada).post(page_of(his), {"seen": "1"}).status_code,
    ]
    send(browser(ada), page_of(shop), typed=shop.name)

    assert statuses == [404, 403, 302]
    assert [entry.token for entry in shop.pool.all()] == [his]
    assert states(his) == {("valid", "")}
