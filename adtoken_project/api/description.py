"""What /api/v1/openapi.json says beyond what the views declare: the errors of every operation, as they are really answered."""

from typing import Any

from adtoken_project.api.errors import MEDIA_TYPE
from broker.api.schemas import NAMED, Problem

INTRODUCTION = (
    "Gives publishing jobs a token that works now. Send `Authorization: Bearer adt_...`; the key's teams and channels say which accounts "
    "it sees. Every error is a problem (RFC 9457, application/problem+json). Fields and parameters that are not described are refused "
    "(422). HEAD is answered wherever GET is. No cache may keep an answer; a job keeps a lease until its `expires_at`, and asks for many "
    "accounts in one call. New fields in answers, and new values where a list of values is given for answers, may come at any time within "
    "version 1; nothing is renamed or removed."
)

_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_ALLOW = {"Allow": {"description": "The methods that are taken.", "schema": {"type": "string"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}}

# Status -> description, headers. Of every operation.
_EVERYWHERE: dict[int, tuple[str, dict[str, Any]]] = {
    400: ("The request cannot be read: not JSON, or a wrong host.", {}),
    401: ("No key, or one that is invalid or has ended.", _CHALLENGE),
    403: ("The key lacks the scope, or the request came by plain HTTP.", {}),
    405: ("The address does not take this method.", _ALLOW),
    413: ("The body is larger than 256 kB.", {}),
    422: ("Fields or parameters are wrong, unknown, or given twice; `errors` names each.", {}),
    429: ("Too many requests. A proxy in front may say so; it need not be problem+json then.", _RETRY_AFTER),
    500: ("Something broke on our side; nothing was handed out.", {}),
    503: ("Not possible at the moment, such as a database that is away.", _RETRY_AFTER),
}
_OF: dict[str, dict[int, tuple[str, dict[str, Any]]]] = {
    "get_account": {404: ("There is no such account, or the key does not see it.", {})},
    "lease_token": {
        404: ("There is no such account, or the key does not see it.", {}),
        409: (
            "Only a person can help: reason, since, who, steps. Or nobody, where `min_valid_for` is more than a new token of the channel "
            "lives: then who and steps are empty.",
            {},
        ),
        503: ("Tokens are being checked, or the lease could not be recorded.", _RETRY_AFTER),
    },
    "lease_tokens": {},
    "plan_offboarding": {
        404: ("There is no such person in the key's teams.", {}),
        409: (
            "The person, or what their log-ins carry, is also outside of the key's teams or channels, or the key's maker may not.",
            {},
        ),
    },
    "offboard_person": {
        404: ("There is no such person in the key's teams.", {}),
        409: (
            "The person, what their log-ins carry, or a key or team that is named is outside of the key's reach, or its maker may not.",
            {},
        ),
    },
    "get_offboarding": {404: ("There is no such offboarding, or the key does not see it.", {})},
    "sign_request": {
        400: ("This is not signed: the detail says what is. Or the request cannot be read.", {}),
        404: ("There is no such lease, or it is another key's.", {}),
        409: ("Only a person can help: the account was paused or restricted meanwhile.", {}),
        410: ("The lease is over, or its token no longer serves the account: get a new lease.", {}),
        503: ("The signature could not be recorded.", _RETRY_AFTER),
    },
    "report_answer": {
        404: ("There is no such lease, or it is another key's.", {}),
        410: ("The lease is older than 24 hours.", {}),
    },
}


def finish(description: Any) -> Any:
    """Add the errors to every operation. Takes and returns ninja's OpenAPI object."""
    definitions = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    description["components"]["schemas"] |= definitions.pop("$defs", {})
    description["components"]["schemas"]["Problem"] = definitions
    for methods in description["paths"].values():
        for operation in methods.values():
            answers = _EVERYWHERE | _OF.get(operation["operationId"], {})
            for status, (words, headers) in sorted(answers.items()):
                operation["responses"][status] = _error(words, headers)
    _name_lists(description, description["components"]["schemas"])
    return description


def _name_lists(node: Any, models: dict[str, Any]) -> None:
    """Put the lists of values that have a name among the models, once, and refer to them: a client then has one type for each."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    for one in inner:
        _name_lists(one, models)
    if not isinstance(node, dict) or node.get("title") not in NAMED or node is models.get(node["title"]):
        return
    values = next((part for part in [node, *node.get("anyOf", [])] if "enum" in part), None)
    if values is None:
        return  # its list has been put there already
    name = node["title"]
    models.setdefault(name, {"title": name, "type": "string", "enum": values["enum"]})
    for word in ("type", "enum", "title"):
        values.pop(word, None)
    node.pop("title", None)
    values["$ref"] = f"#/components/schemas/{name}"


def _error(words: str, headers: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    more = {"headers": headers} if headers else {}
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}, **more}
