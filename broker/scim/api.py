"""SCIM 2.0 over HTTP: users, and what a client asks to know this server. The API object is `adtoken_project.api.scim`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from scim2_models import BaseModel as Scim
from scim2_models import (
    Context,
    ListResponse,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    ResourceType,
    ResponseParameters,
    Schema,
    SearchRequest,
)

from broker.leases.texts import text
from broker.scim import services
from broker.scim.resources import (
    CONFIG,
    MOST,
    POLICY,
    RESOURCE_TYPES,
    SCHEMAS,
    Person,
    Said,
    address_of,
    person_of,
    said_of,
)
from broker.scim.services import Directory

MEDIA_TYPE = "application/scim+json"
PAGE = 100
FURTHEST = 10**9  # of `startIndex`
NOT_OFFERED = frozenset({"Groups", "Bulk", "Me", ".search"})
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

router = Router()


@router.get("/ServiceProviderConfig")
def config(request: HttpRequest) -> HttpResponse:
    """Return what this server offers."""
    _directory(request)
    return _answer(CONFIG)


@router.get("/ResourceTypes")
def resource_types(request: HttpRequest) -> HttpResponse:
    """Return what can be provisioned: users alone."""
    _directory(request)
    return _answer(_list(ResourceType, list(RESOURCE_TYPES)))


@router.get("/ResourceTypes/{name}")
def resource_type(request: HttpRequest, name: str) -> HttpResponse:
    """Return one of them."""
    _directory(request)
    return _answer(_one(RESOURCE_TYPES, name))


@router.get("/Schemas")
def schemas(request: HttpRequest) -> HttpResponse:
    """Return what of a user is kept."""
    _directory(request)
    return _answer(_list(Schema, SCHEMAS))


@router.get("/Schemas/{urn}")
def schema(request: HttpRequest, urn: str) -> HttpResponse:
    """Return one schema."""
    _directory(request)
    return _answer(_one(SCHEMAS, urn))


@router.get("/Users")
def list_people(request: HttpRequest) -> HttpResponse:
    """Return people by their id, from `startIndex` on, `count` of them; with `filter`, whom it finds."""
    _directory(request)
    asked = SearchRequest[Person].model_validate(request.GET.dict(), scim_policy=POLICY)
    found, start = services.matching(asked.filter), min(max(asked.start_index or 1, 1), FURTHEST)
    count = PAGE if asked.count is None else min(asked.count, MOST)
    people = [person_of(user) for user in found[start - 1 : start - 1 + count]]
    return _answer(_list(Person, people, total=found.count(), start=start), asked)


@router.post("/Users")
def make_person(request: HttpRequest) -> HttpResponse:
    """Make a person. 201, or 409 where somebody here has the address."""
    by = _directory(request)
    said = Said.model_validate_json(
        request.body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
    )
    said.active = True if said.active is None else said.active
    made = services.make(by=by, said=said, now=timezone.now())
    answer = _answer(person_of(made), _wanted(request), status=201)
    answer["Location"] = address_of(made)
    return answer


@router.get("/Users/{user_id}")
def read_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """Return a person."""
    _directory(request)
    return _answer(person_of(services.find(user_id)), _wanted(request))


@router.put("/Users/{user_id}")
def replace_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """Replace what the directory said of a person."""
    by, user = _directory(request), services.find(user_id)
    said = Said.model_validate_json(
        request.body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY
    )
    said.active = user.is_active if said.active is None else said.active
    changed = services.change(by=by, user=user, after=said, now=timezone.now())
    return _answer(person_of(changed), _wanted(request))


@router.patch("/Users/{user_id}")
def change_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """Change single attributes of a person."""
    by, user = _directory(request), services.find(user_id)
    patch = PatchOp[Said].model_validate_json(
        request.body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )
    said = said_of(user)
    with POLICY:
        patch.patch(said)
    changed = services.change(by=by, user=user, after=said, now=timezone.now())
    return _answer(person_of(changed), _wanted(request))


@router.delete("/Users/{user_id}")
def remove_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """See a person off, and answer as if there were none."""
    by, user = _directory(request), services.find(user_id)
    services.remove(by=by, user=user, now=timezone.now())
    return HttpResponse(status=204)


@router.api_operation(METHODS, "/{path:rest}")
def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer 501 for what SCIM has and this server has not, 404 for the rest."""
    _directory(request)
    if NOT_OFFERED & {rest.partition("/")[0], rest.rpartition("/")[2]}:
        raise NotImplementedException(detail=text("scim_not_offered"))
    raise NotFoundException


def _directory(request: HttpRequest) -> Directory:
    return services.directory_of(request.auth)  # type: ignore[attr-defined]  # ninja sets it


def _wanted(request: HttpRequest) -> ResponseParameters[Person]:
    return ResponseParameters[Person].model_validate(request.GET.dict(), scim_policy=POLICY)


def _one(of: Any, key: str) -> Any:
    found = next((one for one in of if str(one.id).casefold() == key.casefold()), None)
    if found is None:
        raise NotFoundException
    return found


def _list(kind: Any, resources: list[Any], *, total: int | None = None, start: int = 1) -> Any:
    total = len(resources) if total is None else total
    return ListResponse[kind](
        total_results=total, start_index=start, items_per_page=len(resources), resources=resources
    )


def _answer(
    said: Scim, wanted: ResponseParameters[Person] | None = None, *, status: int = 200
) -> HttpResponse:
    body = said.model_dump_json(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted)
    return HttpResponse(body, status=status, content_type=MEDIA_TYPE)
