"""A person as SCIM has them, and what this server offers: RFC 7643 and 7644 by scim2-models."""

import json
from typing import Annotated, Any

from django.conf import settings
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Email,
    ETag,
    Filter,
    InvalidValueException,
    Meta,
    Mutability,
    Name,
    Patch,
    Required,
    Resource,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from broker.leases.texts import text
from users.models import User

BASE = f"{settings.BASE_URL}/api/scim/v2"
MOST = 200  # people in one answer
KEPT = ("externalId", "displayName", "name")  # in `User.scim`, as the directory said it
LARGEST = 2_000  # characters of that
LONGEST_NAME = 150  # as the column
_URN = "urn:ietf:params:scim:schemas:core:2.0:User"


class Said(Resource[Any]):
    """What a directory may say of a person. Whatever else it says is taken and ignored: titles, telephones, departments, roles."""

    __schema__ = URN(_URN)

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None  # the e-mail address
    name: Name | None = None
    display_name: str | None = None
    active: bool | None = None


class Person(Said):
    """What it reads. Nobody is mailed at another address than they log in with, so `emails` is `userName`, whatever was said."""

    __schema__ = URN(_URN)

    emails: Annotated[list[Email] | None, Mutability.read_only] = None


# Entra writes what a list lacks by a path that looks for it, and removes by a value; both directories send far more than is kept.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
RESOURCE_TYPES = ScimProvider([Person]).resource_types
SCHEMAS = [Person.to_schema().model_copy(update={"name": "User", "description": "User"})]
CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="API key",
            description="A key with the scope people:provision. Users only: groups come by the claim of company log-in.",
            primary=True,
        )
    ],
    meta=Meta(resource_type="ServiceProviderConfig", location=f"{BASE}/ServiceProviderConfig"),
)


def said_of(user: User) -> Said:
    """Return what is known of a person, for a PATCH to change."""
    return Said.model_validate(_known(user))


def person_of(user: User) -> Person:
    """Return a person as a directory reads them."""
    person = Person.model_validate(_known(user))
    person.id = str(user.pk)
    person.emails = [Email(value=user.email, type=Email.Type.work, primary=True)]
    person.meta = Meta(resource_type="User", created=user.date_joined, location=address_of(user))
    return person


def address_of(user: User) -> str:
    """Return where a person is read."""
    return f"{BASE}/Users/{user.pk}"


def name_of(said: Said) -> str:
    """Return what colleagues are to see; "" where no name was said."""
    parts = said.name
    written = said.display_name or (parts and (parts.formatted or _both(parts)))
    return (written or "")[:LONGEST_NAME]


def kept_of(said: Said) -> dict[str, Any]:
    """Return what is kept as it was said. Raises InvalidValueException where it is too long, or PostgreSQL cannot hold it."""
    dumped = said.model_dump()
    kept = {name: dumped[name] for name in KEPT if dumped.get(name)}
    written = json.dumps(kept)
    if len(written) > LARGEST or "\\u0000" in written:
        raise InvalidValueException(detail=text("scim_too_long"))
    return kept


def _known(user: User) -> dict[str, Any]:
    kept = user.scim or {}
    if user.name and not kept.get("displayName") and not kept.get("name"):
        kept = kept | {"displayName": user.name}
    return kept | {"schemas": [_URN], "userName": user.email, "active": user.is_active}


def _both(name: Name) -> str:
    return " ".join(filter(None, [name.given_name, name.family_name]))
