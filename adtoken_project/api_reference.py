"""The page /api/v1/docs: the API for people, made from the schema that machines read. No script, nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from adtoken_project.api import api

ERRORS_FROM = 400


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a model."""

    name: str
    type: str
    model: str = ""  # the model to read on, where the type is one
    needed: bool = False
    description: str = ""
    place: str = ""  # of a parameter: path or query


@dataclass(frozen=True)
class DocumentedReply:
    """One status that an operation answers."""

    status: int
    phrase: str
    description: str
    model: str
    headers: list[str]


@dataclass(frozen=True)
class Operation:
    """One thing that the API does."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: str
    replies: list[DocumentedReply] = field(default_factory=list)

    @property
    def good(self) -> list[DocumentedReply]:
        """The answers that are no errors."""
        return [reply for reply in self.replies if reply.status < ERRORS_FROM]

    @property
    def errors(self) -> list[DocumentedReply]:
        """The errors."""
        return [reply for reply in self.replies if reply.status >= ERRORS_FROM]


@dataclass(frozen=True)
class Model:
    """What is sent or answered."""

    name: str
    description: str
    fields: list[Field]
    values: list[str]
    example: str


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the reference. Open to all, as the schema is: it holds nothing of this installation but its address."""
    schema = api.get_openapi_schema()
    context = {
        "info": schema["info"],
        "server": schema["servers"][0]["url"],
        "operations": list(_operations(schema["paths"])),
        "models": [_model(name, model) for name, model in sorted(schema["components"]["schemas"].items())],
    }
    return render(request, "selfservice/api.html", context)


def _operations(paths: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in paths.items():
        for method, found in methods.items():
            content = found.get("requestBody", {}).get("content", {})
            body = next((_model_of(one["schema"]) for one in content.values()), "")
            yield Operation(
                name=found["operationId"],
                method=method.upper(),
                path=path,
                summary=found["summary"],
                description=_plain(found),
                parameters=[_parameter(one) for one in found["parameters"]],
                body=body,
                replies=[_reply(int(status), one) for status, one in found["responses"].items()],
            )


def _parameter(found: Mapping[str, Any]) -> Field:
    return Field(
        name=found["name"],
        type=_type(found["schema"]).removesuffix(" or null"),  # in an address nothing is null: it is left out
        model=_model_of(found["schema"]),
        needed=found["required"],
        description=_plain(found),
        place=found["in"],
    )


def _reply(status: int, found: Mapping[str, Any]) -> DocumentedReply:
    schema: Mapping[str, Any] = next((one["schema"] for one in found.get("content", {}).values()), {})
    return DocumentedReply(
        status,
        HTTPStatus(status).phrase,
        _plain(found),
        _model_of(schema),
        list(found.get("headers", {})),
    )


def _model(name: str, found: Mapping[str, Any]) -> Model:
    needed = found.get("required", [])
    fields = [
        Field(
            name=key,
            type=_type(one),
            model=_model_of(one),
            needed=key in needed,
            description=_plain(one),
        )
        for key, one in found.get("properties", {}).items()
    ]
    example = found.get("example")
    text = json.dumps(example, indent=2, ensure_ascii=False) if example else ""
    return Model(name, _plain(found), fields, [str(one) for one in found.get("enum", [])], text)


def _plain(found: Mapping[str, Any]) -> str:
    """Return the description without Markdown's backticks."""
    return str(found.get("description", "")).replace("`", "")


def _model_of(schema: Mapping[str, Any]) -> str:
    """Return the name of the model that a schema is, holds in a list, or may be besides null; "" for none."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", schema.get("allOf", []))
    return next((name for one in inner if (name := _model_of(one))), "")


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type in words."""
    if "$ref" in schema:
        return _model_of(schema)
    if options := schema.get("anyOf") or schema.get("allOf"):
        return " or ".join(_type(one) for one in options)
    if "enum" in schema:
        return "one of " + ", ".join(str(one) or "empty" for one in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'])} by name"
    return {"date-time": "date and time"}.get(str(schema.get("format")), kind) + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f", {low} to {high}" if low is not None and high is not None else ""
    return bounds + (f", at most {schema['maxLength']} characters" if "maxLength" in schema else "")
