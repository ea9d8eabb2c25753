"""A company's directory by SCIM: who comes in, who is seen off and brought back, and what a key of it can not do."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.jobs import services as jobs
from accounts.models import ApiKey, Job
from broker.api import limits
from portal.forms import KeyForm
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from ui import stored_phrases as kept
from users.models import User
from users.people.models import Role
from users.people.services import set_role
from users.signals import login_changed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("channels_world")]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Directory:
    """A directory with a key."""

    def __init__(self, maker: User | None, **fields: Any) -> None:
        fields = {"scopes": [ApiKey.Scope.PROVISION], "teams": [make_team()], **fields}
        _, secret = api_keys.issue_key(name="Entra", created_by=maker, **fields)
        self.client = Client(headers={"authorization": f"Bearer {secret}"})

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Return the answer's body; None where there is none."""
        said = {} if body is None else {"data": body, "content_type": "application/scim+json"}
        answer = getattr(self.client, method)(f"/api/scim/v2{path}", **said)
        assert answer.status_code == status, answer.content
        assert answer.get("Content-Length", "") in ("", str(len(answer.content)))
        if not answer.content:
            return None
        found = answer.json()
        assert answer["Content-Type"] == "application/scim+json"
        if status >= 400:
            assert found["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
            assert found["status"] == str(status)
        return found

    def patch(self, user: User, *operations: dict[str, Any], status: int = 200) -> Any:
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        return self.ask("patch", f"/Users/{user.pk}", body, status)

    def make(self, email: str, status: int = 201, **more: Any) -> Any:
        return self.ask("post", "/Users", {"schemas": [USER], "userName": email, **more}, status)

    def find(self, query: str, status: int = 200) -> Any:
        return self.ask("get", f"/Users?filter={query}", status=status)


def active(value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": "active", "value": value}


def history(user: User) -> list[str]:
    rows = LogEntry.objects.filter(object_id=str(user.pk), content_type__model="user").order_by("pk")
    return [kept.said(one.change_message) for one in rows]


def work() -> None:
    while jobs.do_next_job(clock=timezone.now, goes_on=lambda: True):
        pass


def test_entras_spellings_are_taken(boss: User) -> None:
    entra = Directory(boss)
    body = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Mara.Lindt@Example.com",
        "active": True,
        "displayName": "Mara Lindt",
        "emails": [{"primary": True, "type": "work", "value": "other@example.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Mara Lindt", "familyName": "Lindt", "givenName": "Mara"},
        "title": "Planner",
        "roles": [],
        ENTERPRISE: {"department": "Media"},
        "urn:ietf:params:scim:schemas:extension:custom:2.0:User": {"worksiteId": "180"},
    }

    nobody = entra.find('userName eq "Mara.Lindt@Example.com"')["totalResults"]
    made = entra.ask("post", "/Users", body, 201)
    mara = User.objects.get(email="mara.lindt@example.com")
    changed = entra.patch(
        mara,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@example.com"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "+49 30 1"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "12"},
        {"op": "Replace", "path": "name.familyName", "value": "Berg"},
        {"op": "Replace", "value": {"displayName": "Mara Berg", "name.givenName": "Mara Lea"}},
    )
    off = entra.patch(mara, {"op": "Replace", "path": "active", "value": "False"})
    by_id = entra.find('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"')
    mara.refresh_from_db()

    assert (nobody, made["id"], by_id["Resources"][0]["id"]) == (0, str(mara.pk), str(mara.pk))
    assert made["emails"] == [{"value": "mara.lindt@example.com", "type": "work", "primary": True}]
    assert made["meta"]["location"].endswith(f"/api/scim/v2/Users/{mara.pk}")
    assert changed["name"] == {"formatted": "Mara Lindt", "familyName": "Berg", "givenName": "Mara Lea"}
    assert (off["active"], mara.is_active, mara.name) == (False, False, "Mara Berg")
    assert not mara.has_usable_password()
    assert (mara.role, list(mara.teams.all())) == (Role.MARKETER, [])
    assert mara.scim is not None
    assert mara.scim.keys() == {"externalId", "displayName", "name"}


def test_oktas_spellings_are_taken(boss: User) -> None:
    okta = Directory(boss)
    body: dict[str, Any] = {
        "schemas": [USER],
        "userName": "mara@example.com",
        "name": {"givenName": "Mara", "familyName": "Lindt"},
        "emails": [{"primary": True, "value": "mara@example.com", "type": "work"}],
        "displayName": "Mara Lindt",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq-Okta-sets-one",
        "active": True,
    }

    made = okta.ask("post", "/Users", body, 201)
    mara = User.objects.get(email="mara@example.com")
    whole = {**body, "id": made["id"], "meta": {"resourceType": "User"}, "active": False}
    off = okta.ask("put", f"/Users/{made['id']}", whole)
    switched_off = not User.objects.get(pk=mara.pk).is_active
    on = okta.patch(mara, {"op": "replace", "value": {"active": True}})
    listed = okta.ask("get", "/Users?startIndex=2&count=1")

    assert (made["name"], made["externalId"]) == (body["name"], body["externalId"])
    assert (off["active"], switched_off, on["active"]) == (False, True, True)
    assert not mara.has_usable_password()
    assert (listed["totalResults"], listed["startIndex"], listed["itemsPerPage"]) == (2, 2, 1)
    assert [one["id"] for one in listed["Resources"]] == [made["id"]]


def test_whoever_is_switched_off_is_seen_off_as_by_the_portal_and_comes_back_without_rights_or_log_ins(
    boss: User, mara: User
) -> None:
    directory = Directory(boss)
    set_role(mara, Role.ADMINISTRATOR)
    token = make_token(make_app(), consented_by=mara, first_linked_at=timezone.now())
    link(make_account(team=mara.teams.get()), token)
    told: list[str] = []

    def hear(change: Any, **_: Any) -> None:
        told.append(change.kind)

    login_changed.connect(hear)

    directory.patch(mara, active(value=False))
    work()
    gone = directory.ask("get", f"/Users/{mara.pk}")["active"]
    directory.patch(mara, active(value=True))
    login_changed.disconnect(hear)
    mara = User.objects.get(pk=mara.pk)
    token.refresh_from_db()

    assert (gone, mara.is_active, mara.role, mara.teams.count()) == (False, True, Role.MARKETER, 1)
    assert (token.reason, Job.objects.get().state) == ("removed", Job.State.READY)
    assert told == ["switched_off", "switched_on"]
    assert history(mara) == ["Offboarded by API key Entra.", "Switched on as a marketer by API key Entra."]


def test_whoever_is_deleted_is_seen_off_unknown_and_can_be_made_again(boss: User, mara: User) -> None:
    directory = Directory(boss)
    directory.patch(mara, active(value=False))
    directory.patch(mara, active(value=True))  # while the first job still waits

    directory.ask("delete", f"/Users/{mara.pk}", status=204)
    directory.ask("get", f"/Users/{mara.pk}", status=404)
    directory.ask("delete", f"/Users/{mara.pk}", status=404)
    locked_out = not User.objects.get(pk=mara.pk).is_active
    none = directory.find(f'userName eq "{mara.email}"')["totalResults"]
    again = directory.make("Mara@example.com", displayName="Mara Berg")
    mara.refresh_from_db()

    assert (locked_out, none, again["id"]) == (True, 0, str(mara.pk))
    assert (mara.is_active, mara.name) == (True, "Mara Berg")


def test_a_contact_who_is_made_is_a_person_without_the_teams_of_client_links(boss: User) -> None:
    contact = make_user("client@example.com", team=make_team())
    contact.set_unusable_password()
    contact.is_contact = True
    contact.save()
    directory = Directory(boss)

    unknown = directory.find('userName eq "client@example.com"')["totalResults"]
    directory.make("client@example.com")
    contact.refresh_from_db()

    assert (unknown, contact.is_contact, contact.teams.count()) == (0, False, 0)


def test_a_key_of_a_directory_gives_no_right_and_takes_over_no_log_in(boss: User, mara: User) -> None:
    directory = Directory(boss)
    admin = make_user("admin@example.com", is_staff=True)
    set_role(admin, Role.ADMINISTRATOR)
    more: dict[str, Any] = {
        "is_superuser": True,
        "isStaff": True,
        "role": "administrator",
        "scim": {},
        "id": str(admin.pk),
    }
    more |= {"roles": [{"value": "Administrator", "primary": True}], "entitlements": [{"value": "superuser"}]}

    made = directory.make("new@example.com", **more)
    directory.patch(
        mara,
        {"op": "add", "path": "is_superuser", "value": True},
        {"op": "add", "path": "roles", "value": [{"value": "Administrator"}]},
        {
            "op": "replace",
            "value": {"is_staff": True, "groups": [{"value": "Administrators"}], "password": "x"},
        },
    )
    refused = {
        "another's address": directory.patch(mara, rename("ADMIN@example.com"), status=409),
        "an administrator's": directory.patch(admin, rename("evil@example.com"), status=400),
        "a superuser's": directory.patch(boss, rename("evil@example.com"), status=400),
        "a long one": directory.patch(mara, rename(f"{'a' * 60}@{'b.' * 100}com"), status=400),
        "no address": directory.patch(mara, rename("mara"), status=400),
        "the id": directory.patch(mara, {"op": "replace", "path": "id", "value": "1"}, status=400),
        "made twice": directory.make("Mara@example.com", status=409),
        "neither in nor out": directory.patch(mara, {"op": "remove", "path": "active"}, status=400),
        "NUL": directory.patch(mara, {"op": "add", "path": "displayName", "value": "a\0b"}, status=400),
        "too long": directory.make("long@example.com", status=400, externalId="x" * 3_000),
        "half a character": directory.make("half@example.com", status=400, displayName="\ud800"),
        "too large": directory.make("large@example.com", status=413, title="x" * 300_000),
    }
    new = User.objects.get(pk=made["id"])

    assert {one: said.get("scimType") for one, said in refused.items()} == {
        "another's address": "uniqueness", "an administrator's": "mutability", "a superuser's": "mutability",
        "a long one": "invalidValue", "no address": "invalidValue", "the id": "mutability", "made twice": "uniqueness",
        "neither in nor out": "mutability", "NUL": "invalidValue", "too long": "invalidValue",
        "half a character": "invalidSyntax", "too large": None,
    }  # fmt: skip
    assert {(one.is_staff, one.is_superuser, one.groups.count()) for one in (new, mara)} == {
        (False, False, 0)
    }
    assert set(User.objects.values_list("email", flat=True)) == {
        "boss@example.com", "mara@example.com", "admin@example.com", "new@example.com",
    }  # fmt: skip


def rename(email: str) -> dict[str, Any]:
    return {"op": "replace", "path": "userName", "value": email}


def test_a_marketer_whose_address_changes_is_told_at_both_and_keeps_a_name_chosen_here(
    boss: User, mara: User
) -> None:
    directory = Directory(boss)
    directory.patch(mara, {"op": "add", "path": "displayName", "value": "Lindt, Mara"})
    User.objects.filter(pk=mara.pk).update(name="Mara")
    told: list[str] = []

    def hear(change: Any, **_: Any) -> None:
        told.append(change.recipient)

    login_changed.connect(hear)

    directory.patch(mara, rename("Mara.Berg@example.com"))
    login_changed.disconnect(hear)
    mara.refresh_from_db()

    assert (mara.email, mara.name) == ("mara.berg@example.com", "Mara")
    assert told == ["mara@example.com", "mara.berg@example.com"]
    assert history(mara)[-2:] == [
        "Changed the e-mail address from mara@example.com to mara.berg@example.com.",
        "Changed by API key Entra.",
    ]


@pytest.mark.parametrize(
    "query",
    [
        'userName sw "m"',
        'userName eq "mara@example.com" or active eq true',
        'password eq "x"',
        'is_superuser eq "true"',
        'userName eq "x" or ' * 5_000 + 'userName eq "x"',
        "not (" * 3_000 + 'userName eq "x"' + ")" * 3_000,
    ],
    ids=["sw", "or", "password", "unknown", "long", "deep"],
)
def test_a_filter_is_one_comparison(boss: User, mara: User, query: str) -> None:
    assert Directory(boss).find(query.replace(" ", "%20"), 400)["scimType"] == "invalidFilter"


def test_what_no_row_can_be_finds_nobody(boss: User, mara: User) -> None:
    directory = Directory(boss)

    deep = "(" * 2_000 + 'id eq "0"' + ")" * 2_000
    odd = [
        deep,
        'id eq "1e9"',
        'id eq "99999999999999999999"',
        'externalId eq "\\u0000"',
        'userName eq "\' or 1=1 --"',
        'externalId eq "\\ud800"',
    ]

    assert [directory.find(one)["totalResults"] for one in odd] == [0] * 6
    assert directory.find(f'id eq "{mara.pk}"')["totalResults"] == 1
    assert directory.ask("get", f"/Users?startIndex={10**30}&count={10**30}")["Resources"] == []
    for one in ("0", "x", "99999999999999999999", "\u0663"):
        directory.ask("get", f"/Users/{one}", status=404)


def test_only_a_key_of_an_active_superuser_with_the_scope_is_let_in(boss: User, mara: User) -> None:
    admin = make_user("admin@example.com", is_staff=True)
    set_role(admin, Role.ADMINISTRATOR)
    left = make_user("left@example.com", is_staff=True, is_superuser=True, is_active=False)
    others = [one for one in ApiKey.Scope.values if one != ApiKey.Scope.PROVISION]
    directory, path = Directory(boss), f"/Users/{mara.pk}"

    lacks = Directory(boss, scopes=others)
    for made, status in (
        (lacks, 403),
        (Directory(admin), 409),
        (Directory(left), 409),
        (Directory(None), 409),
    ):
        for here in ("/Users", path, "/ServiceProviderConfig", "/Schemas"):
            made.ask("get", here, status=status)
        made.ask("delete", path, status=status)
    offered = {
        viewer.email: [value for value, _ in KeyForm(viewer=viewer).fields["scopes"].choices]  # type: ignore[attr-defined]
        for viewer in (boss, admin)
    }
    nobody = Client().get("/api/scim/v2/Users")
    itself = directory.patch(boss, active(value=False), status=409)
    mara.refresh_from_db()

    assert (nobody.status_code, nobody["WWW-Authenticate"]) == (401, "Bearer")
    assert ApiKey.Scope.PROVISION in offered[boss.email]
    assert ApiKey.Scope.PROVISION not in offered[admin.email]
    assert "name of whoever made it" in itself["detail"]
    assert mara.is_active
    assert User.objects.get(pk=boss.pk).is_active


def test_an_answer_that_is_sent_again_is_scims_too(boss: User) -> None:
    client, body = Directory(boss).client, {"schemas": [USER], "userName": "lea@example.com"}

    first, again = (
        client.post("/api/scim/v2/Users", body, "application/scim+json", headers={"idempotency-key": "a"})
        for _ in range(2)
    )

    assert again["Idempotent-Replayed"] == "true"
    assert (again.status_code, again["Content-Type"], again.content) == (
        first.status_code,
        "application/scim+json",
        first.content,
    )


def test_what_is_not_offered_says_so_in_scims_words(
    boss: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Directory(boss)

    for path in ("/Groups", "/Groups/1", "/Bulk", "/Me", "/.search"):
        directory.ask("get", path, status=501)
    directory.ask("get", "/Nothing", status=404)
    assert directory.client.head("/api/scim/v2/Nothing").status_code == 404
    directory.ask("delete", "/Users", status=405)
    directory.ask("post", "/Users", "{", 400)
    settings.API_CALLS_A_MINUTE = 1
    monkeypatch.setattr(limits, "WINDOW", 10**10)  # no minute ends meanwhile
    busy = [directory.client.get("/api/scim/v2/Users") for _ in range(3)][-1]
    assert (busy.status_code, busy["Content-Type"], busy.json()["status"]) == (
        429,
        "application/scim+json",
        "429",
    )
    assert busy["Retry-After"]
    settings.API_CALLS_A_MINUTE = 0
    settings.SECURE_SSL_REDIRECT = True
    plain = directory.ask("get", "/Users", status=403)

    assert "https" in plain["detail"]
