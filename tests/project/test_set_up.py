"""`manage.py set_up`: an installation from a file, all or nothing, as often as one likes, without a secret in the file."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import pool
from accounts.models import Account, ApiKey
from broker import callers
from notifications.models import Message
from portal.forms import first_moment
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tokens.models import ChannelApp
from users.models import Invitation, Membership, Team

pytestmark = pytest.mark.django_db

SECRET = "snapchat-secret-of-the-file"
FILE = """
[[teams]]
name = "Lumen"
members_only = true

[[channel_apps]]
channel = "snapchat"
client_id = "5d7f1c1e"
secret_file = "snapchat.secret"
daily_budget = 5000

[[channel_apps]]
channel = "x"
client_id = "x-key"
secret_env = "X_APP_SECRET"
label = "Agency"

[[api_keys]]
name = "Publisher"
teams = ["Lumen"]
channels = ["snapchat"]
last_day = 2099-12-31
write_to = "publisher.key"

[[people]]
email = "Eve@example.com"
team = "Lumen"
"""


@pytest.fixture(autouse=True)
def _admin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_user("mira@example.com", is_superuser=True, is_staff=True)
    monkeypatch.setenv("X_APP_SECRET", "x-secret-of-the-environment")
    (tmp_path / "snapchat.secret").write_text(f"{SECRET}\n")


def set_up(folder: Path, text: str = FILE, **options: Any) -> str:
    (folder / "adtoken.toml").write_text(text)
    said: list[str] = []
    stream = type("Stream", (), {"write": lambda _, text: said.append(text)})()
    call_command("set_up", str(folder / "adtoken.toml"), stdout=stream, **options)
    return "".join(said)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(CommandError) as caught:
        set_up(folder, text)
    return str(caught.value)


def test_makes_what_the_file_names_and_the_key_works(tmp_path: Path) -> None:
    said = set_up(tmp_path)

    app, other = ChannelApp.objects.order_by("channel")
    assert (app.keys().secrets, app.daily_budget, app.state, app.is_default) == (
        (SECRET,),
        5000,
        "live",
        True,
    )
    assert (other.keys().secrets, other.label) == (("x-secret-of-the-environment",), "Agency")
    path = tmp_path / "publisher.key"
    caller = callers.authenticate(path.read_text(), now=timezone.now())
    assert caller is not None
    team = Team.objects.get(name="Lumen")
    assert (caller.teams, caller.channels, team.members_only) == (
        frozenset([team.pk]),
        frozenset(["snapchat"]),
        True,
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert Message.objects.get().recipient == "eve@example.com"
    assert SECRET not in said
    assert path.read_text() not in said


def test_a_second_run_changes_nothing_and_a_third_what_differs_alone(tmp_path: Path) -> None:
    set_up(tmp_path)
    before = [list(model.objects.values()) for model in (Team, ChannelApp, ApiKey, Invitation, Message)]

    again = set_up(tmp_path)
    same = [list(model.objects.values()) for model in (Team, ChannelApp, ApiKey, Invitation, Message)]
    (tmp_path / "snapchat.secret").write_text("a newer one")
    changed = set_up(tmp_path, FILE.replace("5000", "6000"))

    assert (again, same) == ("All is as the file says.\n", before)
    app = ChannelApp.objects.get(channel="snapchat")
    assert (app.keys().secrets, app.daily_budget, app.version) == (("a newer one",), 6000, 2)
    assert changed == "Snapchat app 5d7f1c1e: changed\n"


def test_what_staff_changed_and_the_file_does_not_name_stays(tmp_path: Path) -> None:
    set_up(tmp_path)
    ChannelApp.objects.filter(channel="snapchat").update(label="By staff", scopes=["one"])

    set_up(tmp_path, FILE.replace("5000", "7000"))

    app = ChannelApp.objects.get(channel="snapchat")
    assert (app.label, app.scopes, app.daily_budget) == ("By staff", ["one"], 7000)


def test_one_bad_entry_leaves_nothing_behind_and_each_is_named(tmp_path: Path) -> None:
    bad = (
        FILE.replace('client_id = "x-key"', 'client_id = "x-key"\nconfig_id = "7"')
        .replace("Eve@example.com", "no address")
        .replace('secret_env = "X_APP_SECRET"', 'secret_env = "NOT_SET"')
        + '[[channel_apps]]\nchannel = "myspace"\nclient_id = "1"\n[[api_keys]]\nname = "B"\nteams = ["Nobody"]\nwrite_to = "b"\n'
    )

    said = refused(tmp_path, bad)

    assert said.splitlines() == [
        "Nothing was changed.",
        "channel_apps 2: the variable NOT_SET is empty.",
        "channel_apps 3: channel: Select a valid choice. myspace is not one of the available choices.",
        "channel_apps 3: new_secret: A live app needs its secret.",
        "api_keys 2: there is no team Nobody.",
        "api_keys 2: teams: This field is required.",
        "people 1: Enter a valid email address.",
    ]
    assert not Team.objects.filter(name="Lumen").exists()
    assert not ChannelApp.objects.exists()
    assert not ApiKey.objects.exists()
    assert not (tmp_path / "publisher.key").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("teams = 7", "Write [[teams]], with two brackets"),
        ("[[users]]", "There is no [[users]]"),
        ("[[teams]]\nnam = 'x'", "teams 1: no field nam. Fields: members_only, name."),
        (
            f"[[channel_apps]]\nsecret = '{SECRET}'",
            "channel_apps 1: name a secret by secret_file or secret_env",
        ),
        ("[[", "This is no TOML"),
    ],
)
def test_what_it_does_not_understand_is_refused_with_words(tmp_path: Path, text: str, words: str) -> None:
    said = refused(tmp_path, text)

    assert words in said
    assert SECRET not in said


def test_a_key_that_exists_is_neither_changed_nor_made_anew(tmp_path: Path) -> None:
    set_up(tmp_path)
    (tmp_path / "publisher.key").unlink()

    lost = refused(tmp_path, FILE)
    wider = refused(tmp_path, FILE.replace('channels = ["snapchat"]', "channels = []"))
    longer = refused(tmp_path, FILE.replace("2099-12-31", "2100-12-31"))
    yesterday = timezone.localdate() - timedelta(days=1)
    ApiKey.objects.update(expires_at=first_moment(timezone.localdate()))
    ended = refused(tmp_path, FILE.replace("2099-12-31", f"{yesterday}"))
    renewed = refused(tmp_path, FILE)

    assert "Its secret cannot be had again" in lost
    assert "may do something else" in wider
    assert "ends after 2099-12-31, the file says after 2100-12-31. Keys do not change" in longer
    assert ["has ended. Keys do not change" in said for said in (ended, renewed)] == [True, True]
    assert "This day is over" not in ended
    assert ApiKey.objects.count() == 1


def test_whoever_did_not_take_the_invitation_in_time_is_invited_again(tmp_path: Path) -> None:
    set_up(tmp_path)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    again = set_up(tmp_path)
    same = set_up(tmp_path)

    assert (again, same) == ("eve@example.com: invited to Lumen again\n", "All is as the file says.\n")
    assert [one.recipient for one in Message.objects.all()] == ["eve@example.com"] * 2
    assert Invitation.objects.get().is_open(timezone.now())


def test_a_team_that_closes_has_its_leads_told_of_what_stops(tmp_path: Path) -> None:
    teams = [make_team(name) for name in ("Lumen", "Nova")]
    lead = make_user("lea@example.com")
    Membership.objects.bulk_create(
        Membership(team=one, user=lead, role=Membership.Role.TEAM_LEAD) for one in teams
    )
    accounts, ada = [make_account(team=one) for one in teams], make_user("ada@example.com")
    for account in accounts:
        link(account, make_token(consented_by=ada))
    pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=timezone.now())

    said = set_up(tmp_path, FILE + '[[teams]]\nname = "Nova"\nmembers_only = true\n')

    states = [Account.objects.get(pk=one.pk).state for one in accounts]
    assert states == ["deactivated", "deactivated"]
    assert "accounts that stopped: 2, that go on with fewer people: 0." in said
    told = Message.objects.get(kind="outside_team")
    assert (told.recipient, sorted(told.payload["teams"])) == (lead.email, sorted(one.pk for one in teams))


def test_without_a_superuser_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="createsuperuser --no-input"):
        set_up(tmp_path, by="nobody@example.com")
