"""What a company's directory does to people: make them without rights, change what it said, see them off, bring them back.

It gives nobody a right: whoever had some and comes back is a marketer, and the address of staff is changed in the portal alone, since
whoever changes an e-mail can take the log-in over.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from scim2_models import (
    InvalidFilterException,
    InvalidValueException,
    MutabilityException,
    NotFoundException,
    ScimFilter,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison

from accounts.models import ApiKey
from broker.api import reach
from broker.api.api import ScopeMissing
from broker.leases.callers import Caller
from broker.leases.texts import text
from broker.people import services as people
from broker.people.schemas import OffboardIn
from broker.scim.resources import Person, Said, kept_of, name_of, said_of
from tokens.models import Token
from ui import stored_phrases as kept
from users.login.services import ChangeKind, notify_by_staff, notify_new_email
from users.models import User
from users.people.models import Role
from users.people.services import address_of, set_role

HISTORY = "words/history.txt"
_COLUMNS = {"userName": "email", "emails.value": "email", "externalId": "scim__externalId", "id": "pk"}
_LONGEST_ID = 18  # digits


@dataclass(frozen=True)
class Directory:
    """Who provisions: a key for the whole installation, in the name of the superuser who made it."""

    caller: Caller
    actor: User


def directory_of(caller: Caller) -> Directory:
    """Return for whom a key acts. Raises ScopeMissing; NotPossible where whoever made it is no active superuser."""
    if not caller.may(ApiKey.Scope.PROVISION):
        raise ScopeMissing(ApiKey.Scope.PROVISION)
    actor = reach.maker_of(caller, lambda maker: maker.is_superuser)
    return Directory(replace(caller, teams=None, channels=None), actor)


def known_people() -> QuerySet[User]:
    """Return whom a directory sees: who can log in, and whom it has switched off itself and not deleted."""
    return User.objects.filter(Q(is_active=True) | Q(scim__isnull=False), is_contact=False).order_by("pk")


def find(user_id: str) -> User:
    """Return a person by SCIM's id. Raises NotFoundException."""
    found = _by_id(user_id).first()
    if found is None:
        raise NotFoundException
    return found


def matching(wanted: ScimFilter[Person] | None) -> QuerySet[User]:
    """Return the people of a filter, which is one attribute and `eq`. Raises InvalidFilterException for another."""
    if wanted is None:
        return known_people()
    node = wanted.ast
    bound = wanted.resolve_comparison(node.attr_path) if isinstance(node, Comparison) else None
    column = _COLUMNS.get(bound.urn.rpartition("User:")[2]) if bound is not None else None
    if column is None or not isinstance(node, Comparison) or node.op != CompareOperator.eq:
        raise InvalidFilterException(detail=text("scim_filter"))
    value = str(node.value)
    if not value.isprintable():  # such as NUL and half a character, which PostgreSQL does not take
        return known_people().none()
    if column == "pk":
        return _by_id(value)
    return known_people().filter(**{column: value.lower() if column == "email" else value})


def make(*, by: Directory, said: Said, now: datetime) -> User:
    """Make a person without rights, team or password. Whoever was seen off, or was a contact, comes in again under the same id.

    Raises UniquenessException where somebody here has the address; as `change` does.
    """
    email = _address(said)
    user = User.objects.filter(email=email).first()
    if user is None:
        return _make_new(by, said, email)
    if known_people().filter(pk=user.pk).exists():
        raise UniquenessException(detail=text("scim_taken"))
    if user.is_contact:
        with transaction.atomic():  # as by an invitation: the teams came from whoever made a client link
            user.memberships.all().delete()
            user.is_contact = False
            user.save(update_fields=["is_contact"])
    return change(by=by, user=user, after=said, now=now)


def change(*, by: Directory, user: User, after: Said, now: datetime) -> User:
    """Make a person what the directory says. Switched off is seen off, as by the portal; switched on again is a marketer.

    Raises InvalidValueException, UniquenessException; MutabilityException for the address of staff, and for `active` taken away; and as
    `broker.people.services.offboard` does.
    """
    email, doc = _address(after), kept_of(after)
    if after.active is None:
        raise MutabilityException(detail=text("scim_active"))
    _check_address(user, email)
    if user.is_active and not after.active:
        _see_off(by, user, now)
    try:
        with transaction.atomic():
            row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
            _check_address(row, email)  # of whoever was made staff in this moment
            _write(by, row, after, email, doc, now)
    except IntegrityError:  # somebody else got the address in this moment
        raise UniquenessException(detail=text("scim_taken")) from None
    return row


def remove(*, by: Directory, user: User, now: datetime) -> None:
    """See a person off, whom the directory then no longer sees. The history of accounts keeps the person. Raises as `change` does."""
    if user.is_active or Token.objects.of_person(user).exists():
        _see_off(by, user, now)
    User.objects.filter(pk=user.pk).update(scim=None)


def _by_id(user_id: str) -> QuerySet[User]:
    is_id = user_id.isdecimal() and len(user_id) <= _LONGEST_ID
    return known_people().filter(pk=int(user_id)) if is_id else known_people().none()


def _address(said: Said) -> str:
    email = address_of(said.user_name or "")
    if not email:
        raise InvalidValueException(detail=text("scim_user_name"))
    return email


def _check_address(user: User, email: str) -> None:
    if email != user.email and (user.is_staff or user.is_superuser):
        raise MutabilityException(detail=text("scim_staff_address"))
    if User.objects.filter(email=email).exclude(pk=user.pk).exists():
        raise UniquenessException(detail=text("scim_taken"))


@transaction.atomic
def _make_new(by: Directory, said: Said, email: str) -> User:
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email, None, name=name_of(said), is_active=bool(said.active), scim=kept_of(said)
            )
    except IntegrityError:
        raise UniquenessException(detail=text("scim_taken")) from None
    _log(by, user, ADDITION, "made_by_key")
    return user


def _see_off(by: Directory, user: User, now: datetime) -> None:
    people.offboard(caller=by.caller, wanted=OffboardIn.model_validate({"email": user.email}), now=now)


def _write(by: Directory, row: User, after: Said, email: str, doc: dict[str, Any], now: datetime) -> None:
    """Write what was said, in the caller's transaction that locked the row."""
    before, name = (row.email, row.name), name_of(after)
    comes_back = bool(after.active) and not row.is_active
    if name != name_of(said_of(row)):  # else the person may have chosen another
        row.name = name
    row.email, row.scim, row.is_active = email, doc, row.is_active or comes_back
    row.save(update_fields=["email", "name", "scim", "is_active"])
    if email != before[0]:
        notify_new_email(user=row, old_email=before[0], by=by.actor, now=now)
        _log(by, row, CHANGE, "address_changed", old=before[0], new=email)
    if comes_back:
        set_role(row, Role.MARKETER)
        notify_by_staff(ChangeKind.SWITCHED_ON, user=row, by=by.actor, now=now)
        _log(by, row, CHANGE, "switched_on_by_key")
    elif before != (row.email, row.name):
        _log(by, row, CHANGE, "changed_by_key")


def _log(by: Directory, user: User, flag: int, block: str, **facts: str) -> None:
    said = kept.keep(HISTORY, block, name=by.caller.name, **facts)
    LogEntry.objects.log_actions(by.actor.pk, [user], flag, said, single_object=True)
