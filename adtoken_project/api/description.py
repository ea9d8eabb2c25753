"""What /api/v1/openapi.json says beyond what the views declare: the errors of every operation, as they are really answered."""

from itertools import groupby
from typing import Any

from adtoken_project.api import examples
from adtoken_project.api.errors import MEDIA_TYPE
from adtoken_project.api.once import LONGEST, is_of_jobs
from broker.api.codes import Code
from broker.api.errors import problem
from broker.api.schemas import NAMED, Problem

INTRODUCTION = (
    "Gives publishing jobs a token that works now, and other systems what people do on the pages. Send `Authorization: Bearer adt_...`; "
    "the key's teams and channels say which accounts it sees. Every error is a problem (RFC 9457, application/problem+json): compare its "
    "`code`. Fields and parameters that are not described are refused (422). HEAD is answered wherever GET is. No cache may keep an "
    "answer; a job keeps a lease until its `expires_at`, and asks for many accounts in one call. New fields in answers, and new values "
    "where a list of values is given for answers, may come at any time within version 1; nothing is renamed or removed."
)

_HEADERS = {
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}),
    "RateLimit": (
        'What is left of which limit, for how many seconds: `"key";r=29999;t=60`.',
        {"type": "string"},
    ),
    "Allow": ("The methods that are taken.", {"type": "string"}),
    "WWW-Authenticate": ("`Bearer`", {"type": "string"}),
}
_WITH = {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After", "RateLimit"], 503: ["Retry-After"]}
_OF_PEOPLE = {Code.NOT_FOUND, Code.NOT_POSSIBLE}
_OF_LEASES = {Code.NOT_FOUND, Code.PERSON_NEEDED, Code.BUSY, Code.ON_HOLD, Code.OUT_OF_ORDER}
# What an operation may answer beside what all may. Of those that hand out tokens the rest is not said everywhere.
_OF: dict[str, set[Code]] = {
    "get_account": {Code.NOT_FOUND},
    "lease_token": {*_OF_LEASES, Code.NEVER_SO_LONG},
    "lease_tokens": {Code.ON_HOLD},
    "plan_offboarding": _OF_PEOPLE,
    "offboard_person": {*_OF_PEOPLE, Code.ON_HOLD},
    "get_offboarding": {Code.NOT_FOUND},
    **{name: {*_OF_PEOPLE, Code.ON_HOLD} for name in ("ask_people", "apply_macro", "check_account")},
    **{name: {*_OF_PEOPLE, Code.ON_HOLD, Code.BUSY} for name in ("pause_account", "resume_account")},
    **{
        name: {Code.NOT_FOUND}
        for name in ("get_ask", "get_check", "get_timeline", "list_hand_outs", "make_credential")
    },
    "list_macros": {Code.NOT_POSSIBLE},
    "get_problem": {Code.UNKNOWN_ADDRESS},
    "sign_request": {*_OF_LEASES, Code.NOT_SIGNED, Code.LEASE_OVER},
    "report_answer": {Code.NOT_FOUND, Code.LEASE_OVER},
}
_SOMEWHERE = set().union(*_OF.values()) | {Code.STILL_RUNNING, Code.KEY_REUSED}
_EVERYWHERE = set(Code) - _SOMEWHERE - {Code.REFUSED}

# Of each operation that changes something and hands out no token.
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text, new for each deed. Sent again within 24 hours with the same key, the call is answered as at first, and "
    "nothing is done again. An answer of 400 or more is not kept: the call may be sent again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
}


def finish(description: Any) -> Any:
    """Add the errors to every operation. Takes and returns ninja's OpenAPI object."""
    models = description["components"]["schemas"]
    definitions = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    models |= definitions.pop("$defs", {})
    models["Problem"] = definitions
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            codes = _EVERYWHERE | _OF.get(operation["operationId"], set())
            once = method == "post" and not is_of_jobs(path)
            examples.add(operation, method, path, once=once)
            if once:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
                codes |= {Code.STILL_RUNNING, Code.KEY_REUSED}
            for status, of_status in groupby(sorted(codes, key=_by_status), key=lambda code: code.status):
                operation["responses"][status] = _error(status, list(of_status))
    _name_lists(description, models)
    models["ProblemCode"]["description"] = "\n".join(_entry(code) for code in Code)
    return description


def _by_status(code: Code) -> tuple[int, str]:
    return code.status, code


def _entry(code: Code) -> str:
    return f"- `{code}` ({code.status}): {code.meaning}"


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


def _error(status: int, codes: list[Code]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    named = {name: _HEADERS[name] for name in _WITH.get(status, ())}
    headers = {name: {"description": words, "schema": of} for name, (words, of) in named.items()}
    content: dict[str, Any] = {"schema": schema}
    if Code.PERSON_NEEDED not in codes:  # that is the schema's own example
        content["example"] = problem(codes[0], codes[0].meaning).model_dump(exclude_none=True)
    said = {"description": "\n".join(map(_entry, codes)), "content": {MEDIA_TYPE: content}}
    return {**said, "headers": headers} if headers else said
