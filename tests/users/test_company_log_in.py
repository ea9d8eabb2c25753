"""People log in by the company's OpenID provider: allauth's own, in a process beside the tests."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.support.factories import PASSWORD, make_user
from tests.support.provider import CLIENT_ID, SECRET, Provider
from tests.users.steps import enrol, is_logged_in, log_in
from tokens.channels.registry import CHANNELS
from users.company import provider as company
from users.company.services import person_for
from users.invitations import services as invitations
from users.login import passwords
from users.login.second_factor import COMPANY
from users.models import LoginRecord, Membership, Session, Team, User
from users.people.models import Role
from users.people.services import give_role, set_role

pytestmark = pytest.mark.django_db

BASE = "https://adtoken.test"
ADA = "ada@example.com"


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Provider(tmp_path_factory.mktemp("provider"), f"{BASE}/accounts/company/callback/") as found:
        yield found


@pytest.fixture
def provider(provider_process: Provider, settings: Settings) -> Provider:
    settings.BASE_URL, settings.OIDC_URL = BASE, provider_process.url
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, SECRET
    settings.ORGANISATION_NAME = "Northwind"
    provider_process.people, provider_process.says = {}, {}
    provider_process.write()
    company._described.clear()
    return provider_process


def leave(client: Client, url: str = "", **data: str) -> str:
    """Press the button. Returns where the page leads on to."""
    page = client.post(url or reverse("company_log_in"), data)
    assert page.status_code == 200, page.content.decode()
    return str(page["Refresh"]).partition("url=")[2]


def come_back(client: Client, address: str) -> Any:
    return client.get(address.removeprefix(BASE))


def by_company(client: Client, provider: Provider, email: str = ADA, url: str = "", **data: str) -> Any:
    return come_back(client, provider.pass_through(leave(client, url, **data), email))


def test_a_known_person_whose_address_is_verified_is_logged_in(client: Client, provider: Provider) -> None:
    ada = make_user(ADA)
    provider.person("Ada@Example.com")

    landed = by_company(client, provider, "Ada@Example.com", next=reverse("profile"))

    assert landed["Location"] == reverse("profile")
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert ada.sessions.count() == 1


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_it_leads_to_no_other_site(client: Client, provider: Provider, target: str) -> None:
    make_user(ADA)
    provider.person(ADA)

    assert by_company(client, provider, next=target)["Location"] == reverse("my_accounts")


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": None}, {"email": ""}])
def test_an_address_that_is_not_verified_logs_nobody_in(
    client: Client, provider: Provider, claims: Any
) -> None:
    make_user(ADA)
    provider.person(ADA, **claims)

    page = by_company(client, provider)

    assert (page.status_code, is_logged_in(client)) == (403, False)
    assert "is not confirmed" in page.content.decode()


@pytest.mark.parametrize(
    "address", ["\u212aim@example.com", f"{'k' * 300}@example.com", "kim\0@example.com", "kim"]
)
def test_an_address_that_nobody_can_have_here_is_nobodys(address: str, settings: Settings) -> None:
    settings.OIDC_NEW_PEOPLE = True
    make_user("kim@example.com")  # what lower case makes of the Kelvin sign
    said = company._identity({"email": address, "email_verified": True}, {})

    with pytest.raises(company.NotLoggedIn, match="unverified"):
        person_for(said)
    assert User.objects.count() == 1


def test_what_the_user_info_calls_verified_is_not_the_address_of_the_id_token(
    client: Client, provider: Provider
) -> None:
    make_user(ADA)
    provider.person("eve@example.com")
    provider.says = {"id_token": {"email": ADA, "email_verified": None}}
    provider.write()

    assert by_company(client, provider, "eve@example.com").status_code == 403


def test_whom_nobody_knows_is_refused_and_not_made(client: Client, provider: Provider) -> None:
    provider.person(ADA)

    page = by_company(client, provider)

    assert (page.status_code, is_logged_in(client)) == (403, False)
    assert f"AdToken does not know {ADA}" in page.content.decode()
    assert not User.objects.filter(email=ADA).exists()
    record = LoginRecord.objects.get()
    assert (record.email, record.succeeded, record.detail) == (ADA, False, "company_refused")


def test_new_people_are_made_where_it_says_so_and_wait_for_a_team(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_NEW_PEOPLE = True
    provider.person(ADA)

    page = by_company(client, provider)
    ada = User.objects.get(email=ADA)
    waited = (page.status_code, is_logged_in(client), passwords.person_of(ADA))
    Membership.objects.create(user=ada, team=Team.default())
    by_company(client, provider)

    assert waited == (403, False, None)
    assert (ada.name, ada.role, is_logged_in(client)) == ("Ada Lovelace", Role.MARKETER, True)


def test_who_is_switched_off_stays_out(client: Client, provider: Provider) -> None:
    make_user(ADA, is_active=False)
    provider.person(ADA)

    page = by_company(client, provider)

    assert (page.status_code, is_logged_in(client)) == (403, False)


GROUPS = {"ads-managers": {"role": "manager"}, "ads-emea": {"team": "EMEA"}, "ads-apac": {"team": "APAC"}}


def test_groups_give_role_and_teams_and_take_them_away_again(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_GROUPS = GROUPS
    ada = make_user(ADA)
    Team.objects.create(name="EMEA")
    Team.objects.create(name="APAC")
    provider.person(ADA, groups=["ads-managers", "ads-emea", "others"])
    by_company(client, provider)
    first = (User.objects.get(pk=ada.pk).role, set(ada.teams.values_list("name", flat=True)))
    provider.person(ADA, groups=["ads-apac"])
    by_company(Client(), provider)

    assert first == (Role.MANAGER, {"General", "EMEA"})
    assert User.objects.get(pk=ada.pk).role == Role.MARKETER
    assert set(ada.teams.values_list("name", flat=True)) == {"General", "APAC"}  # General was given by hand


@pytest.mark.parametrize("given", [Role.AUDITOR, "superuser"])
def test_groups_leave_a_role_alone_that_staff_gave(
    client: Client, provider: Provider, settings: Settings, given: str
) -> None:
    settings.OIDC_GROUPS = GROUPS
    ada = make_user(ADA)
    set_role(ada, given)
    provider.person(ADA, groups=[])

    by_company(client, provider)

    assert User.objects.get(pk=ada.pk).chosen_role == given


def test_what_groups_gave_stays_once_an_invitation_gives_it_too(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_GROUPS = GROUPS
    ada = make_user(ADA)
    set_role(ada, Role.AUDITOR, from_groups=True)
    provider.person(ADA, groups=[])

    give_role(ada, Role.AUDITOR)
    by_company(client, provider)

    assert User.objects.get(pk=ada.pk).role == Role.AUDITOR


def test_groups_that_the_provider_leaves_out_change_nothing(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_GROUPS = GROUPS
    ada = make_user(ADA)
    set_role(ada, Role.MANAGER, from_groups=True)
    provider.person(ADA, _claim_names={"groups": "src1"})

    by_company(client, provider)

    assert User.objects.get(pk=ada.pk).role == Role.MANAGER


def test_our_own_second_factor_is_asked_unless_amr_is_believed(
    client: Client, provider: Provider, staff: User, settings: Settings
) -> None:
    provider.person(staff.email, amr=["pwd", "mfa"])
    asked = by_company(client, provider, staff.email)
    portal = client.get(reverse("admin:index"))
    settings.OIDC_SECOND_FACTOR = ["mfa"]
    other = Client()
    by_company(other, provider, staff.email)

    assert asked.status_code == 302
    assert portal["Location"] == reverse("mfa_index")  # none is set up yet
    assert other.get(reverse("admin:index")).status_code == 200
    settings.OIDC_SECOND_FACTOR = []
    assert other.get(reverse("admin:index")).status_code == 302


def test_amr_without_a_second_factor_is_none(
    client: Client, provider: Provider, staff: User, settings: Settings
) -> None:
    settings.OIDC_SECOND_FACTOR = ["mfa"]
    provider.person(staff.email, amr=["pwd"])

    by_company(client, provider, staff.email)

    assert client.get(reverse("admin:index"))["Location"] == reverse("mfa_index")


def test_a_second_factor_that_is_set_up_here_is_asked_after_the_company(
    client: Client, provider: Provider
) -> None:
    ada = make_user(ADA)
    log_in(client, ADA)
    enrol(client)
    provider.person(ADA)

    landed = by_company(Client(), provider)

    assert landed["Location"] == reverse("mfa_authenticate")
    assert Authenticator.objects.filter(user=ada).exists()


def test_guarded_pages_ask_at_the_company_and_believe_no_browser_that_leaves_it_out(
    client: Client, provider: Provider, staff: User, settings: Settings
) -> None:
    settings.OIDC_SECOND_FACTOR = ["mfa"]
    provider.person(staff.email, amr=["mfa"], auth_time="now")
    by_company(client, provider, staff.email)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    guarded = reverse("admin:users_user_change", args=[staff.pk])
    asks = client.get(guarded)["Location"]
    provider.person(staff.email, amr=["mfa"], auth_time=time.time() - 3600)
    not_asked = by_company(client, provider, staff.email, asks)
    still = client.get(guarded).status_code
    provider.person("eve@example.com", amr=["mfa"], auth_time="now")
    other = by_company(client, provider, "eve@example.com", asks)
    provider.person(staff.email, amr=["mfa"], auth_time="now")
    landed = by_company(client, provider, staff.email, asks)

    assert client.get(asks).status_code == 200
    assert asks.startswith(reverse("company_again"))
    assert (not_asked.status_code, still, other.status_code) == (400, 302, 403)
    assert (landed["Location"], client.get(guarded).status_code) == (guarded, 200)


def test_somebody_without_a_password_sets_up_a_second_factor_after_the_company(
    client: Client, provider: Provider
) -> None:
    make_user(ADA, password="")
    provider.person(ADA, auth_time="now")
    by_company(client, provider)
    page = client.get(reverse("mfa_activate_totp"))
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    asks = client.get(reverse("mfa_activate_totp"))["Location"]
    by_company(client, provider, ADA, asks)

    assert page.status_code == 200
    assert asks.startswith(reverse("company_again"))
    assert client.get(reverse("mfa_activate_totp")).status_code == 200


def test_only_company_refuses_passwords_but_of_superusers_with_a_second_factor(
    client: Client, provider: Provider, settings: Settings
) -> None:
    ada, root = make_user(ADA), make_user("root@example.com", is_staff=True, is_superuser=True)
    tina = make_user("tina@example.com", is_staff=True, is_superuser=True, last_login=timezone.now())
    log_in(client, root.email)
    enrol(client)
    settings.OIDC_ONLY = True
    clients = {}
    for user in (ada, root, tina):
        log_in(browser := Client(), user.email)
        clients[user] = is_logged_in(browser) or "account_login" in browser.session
    fresh = make_user("fresh@example.com", is_staff=True, is_superuser=True)
    log_in(new := Client(), fresh.email)

    assert clients == {ada: False, root: True, tina: False}
    assert is_logged_in(new)  # createsuperuser on the server: the way back in
    assert passwords.person_of(ADA) is None
    assert passwords.person_of(root.email) == root


@pytest.mark.parametrize("only", [True, False])
def test_an_invited_person_joins_by_the_company(
    client: Client, provider: Provider, settings: Settings, only: bool
) -> None:
    settings.OIDC_ONLY = only
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    team = Team.objects.create(name="EMEA")
    made = invitations.create(email=ADA, team=team, invited_by=root, now=timezone.now(), role=Role.MANAGER)
    link = made.make_link().removeprefix(BASE)
    provider.person(ADA)
    page = client.get(link).content.decode()
    stranger = by_company(Client(), provider, "eve@example.com", link, company="1")
    landed = by_company(client, provider, ADA, link, company="1")
    ada = User.objects.get(email=ADA)

    assert ("password1" in page, "Log in with Northwind" in page) == (not only, True)
    assert stranger.status_code == 403
    assert landed.status_code == 302
    assert (ada.role, list(ada.teams.all()), ada.has_usable_password()) == (Role.MANAGER, [team], False)
    assert is_logged_in(client)


def test_in_only_company_mode_nobody_is_told_to_use_the_e_mail_of_an_invitation(
    client: Client, provider: Provider, settings: Settings
) -> None:
    both = client.get(reverse("account_login")).text
    settings.OIDC_ONLY = True

    only = client.get(reverse("account_login")).text

    assert ("e-mail of your invitation" in both, "e-mail of your invitation" in only) == (True, False)
    assert "your account at Northwind" in only


def test_in_only_company_mode_no_password_accepts_an_invitation(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_ONLY = True
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    made = invitations.create(email=ADA, team=Team.default(), invited_by=root, now=timezone.now())
    form = {"name": "Ada", "password1": PASSWORD, "password2": PASSWORD}

    client.post(made.make_link().removeprefix(BASE), form)

    assert not User.objects.filter(email=ADA).exists()


def test_without_the_settings_there_is_no_button_and_no_page(client: Client) -> None:
    assert reverse("company_log_in") not in client.get(reverse("account_login")).content.decode()
    assert client.post(reverse("company_log_in")).status_code == 404
    assert client.get(reverse("company_callback")).status_code == 404


# --- what attackers and accidents do


def test_no_get_starts_it_and_no_form_of_another_site(provider: Provider) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert strict.get(reverse("company_log_in")).status_code == 405
    assert strict.post(reverse("company_log_in")).status_code == 403


def test_an_answer_is_taken_in_the_browser_where_it_began_and_once(
    client: Client, provider: Provider
) -> None:
    make_user(ADA)
    provider.person(ADA)
    back = provider.pass_through(leave(client), ADA)
    stolen = come_back(other := Client(), back)
    first, second = come_back(client, back), come_back(client, back)
    client.logout()
    third = come_back(client, back)

    assert (stolen.status_code, is_logged_in(other)) == (400, False)
    assert (first.status_code, second.status_code) == (302, 302)  # a second click leads home
    assert (third.status_code, is_logged_in(client)) == (400, False)


def test_a_stolen_code_is_no_good_in_another_handshake(client: Client, provider: Provider) -> None:
    make_user(ADA)
    provider.person(ADA)
    code = re.search(r"code=([^&]+)", provider.pass_through(leave(Client()), ADA))
    own = re.search(r"state=([^&]+)", leave(client))
    assert code
    assert own

    page = come_back(client, f"{reverse('company_callback')}?code={code[1]}&state={own[1]}")

    assert (page.status_code, is_logged_in(client)) == (502, False)  # PKCE: the provider refuses it


def test_an_address_that_begins_too_often_waits_and_the_provider_is_not_asked(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "company_address": "2/m/ip"}
    leave(client)
    leave(Client())
    settings.OIDC_URL = "http://127.0.0.1:1"  # asked, it would not answer

    page = Client().post(reverse("company_log_in"))
    elsewhere = Client().post(reverse("company_log_in"), REMOTE_ADDR="192.0.2.7")

    assert (page.status_code, elsewhere.status_code) == (429, 502)
    assert "Wait a minute" in page.text


def test_the_session_gets_another_id_and_a_colleagues_ends(client: Client, provider: Provider) -> None:
    make_user(ADA)
    provider.person(ADA)
    client.force_login(make_user("ben@example.com"))
    to = leave(client)
    before = client.session.session_key
    come_back(client, provider.pass_through(to, ADA))

    assert client.session.session_key != before
    assert list(Session.objects.values_list("user__email", flat=True)) == [ADA]


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ({"id_token": {"aud": "another-application"}}, 502),
        ({"id_token": {"azp": "another-application"}}, 502),
        ({"id_token": {"iss": "https://other.example"}}, 502),
        ({"id_token": {"exp": 1}}, 502),
        ({"id_token": {"iat": 4_000_000_000}}, 502),
        ({"id_token": {"email": None}, "userinfo": {"sub": "somebody-else"}}, 502),
        ({"id_token": {"iat": time.time() + 20}}, 302),  # a clock that is a little ahead
    ],
)
def test_an_id_token_of_others_or_of_another_time_logs_nobody_in(
    client: Client, provider: Provider, says: Any, status: int
) -> None:
    make_user(ADA)
    provider.person(ADA)
    provider.says = says
    provider.write()

    page = by_company(client, provider)

    assert (page.status_code, is_logged_in(client)) == (status, status == 302)


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://other.example"}, {"token_endpoint": "ftp://other.example/t"}]
)
def test_a_provider_that_calls_itself_another_is_not_asked(
    client: Client, provider: Provider, metadata: Any
) -> None:
    provider.says = {"metadata": metadata}
    provider.write()

    page = client.post(reverse("company_log_in"))

    assert page.status_code == 502
    assert "Refresh" not in page


def test_a_provider_that_is_away_gives_a_page_and_no_traceback(
    client: Client, provider: Provider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OIDC_URL = "http://127.0.0.1:1"

    page = client.post(reverse("company_log_in"))

    assert (page.status_code, "Northwind does not answer" in page.content.decode()) == (502, True)
    assert [record.exc_info for record in caplog.records if record.name.startswith("users")] == [None]

    client.post(reverse("company_log_in"))
    assert "asked_a_moment_ago" in caplog.text


def test_a_wrong_secret_and_a_cancel_are_said_and_no_secret_is_logged(
    client: Client, provider: Provider, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    provider.person(ADA)
    back = provider.pass_through(leave(client), ADA)
    settings.OIDC_CLIENT_SECRET = "CANARY-wrong"
    refused = come_back(client, back)
    state = re.search(r"state=([^&]+)", leave(client))
    assert state
    cancelled = come_back(client, f"{reverse('company_callback')}?error=access_denied&state={state[1]}")

    assert (refused.status_code, cancelled.status_code) == (502, 200)
    assert "invalid_client" in caplog.text
    code = back.partition("code=")[2].partition("&")[0]
    assert not [one for one in (SECRET, "CANARY-wrong", code) if one in caplog.text]


def test_the_description_is_read_once_an_hour(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    get = requests.Session.get

    def counted(session: requests.Session, url: str, **more: Any) -> requests.Response:
        read.append(url)
        return get(session, url, **more)

    monkeypatch.setattr(requests.Session, "get", counted)
    leave(client)
    leave(client)
    once = len(read)
    monkeypatch.setattr(company, "KEPT_FOR", -1)
    leave(client)

    assert (once, len(read) > 1) == (1, True)


def test_neither_side_is_the_other(client: Client, provider: Provider) -> None:
    """No channel logs anybody in, and the company's provider is no channel."""
    assert COMPANY not in CHANNELS
    client.force_login(make_user(ADA))
    state = re.search(r"state=([^&]+)", leave(client))
    assert state

    for channel in CHANNELS:
        page = client.get(reverse(f"{channel}_callback"), {"state": state[1], "code": "any"})
        assert page.status_code in {400, 404}
    assert client.get("/link/company/").status_code == 404
