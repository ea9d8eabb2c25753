"""An example of each operation in curl, Python and TypeScript, made of one request each. A test runs all of them, as they stand.

What differs from one reader to the next is in variables: ADTOKEN_URL, ADTOKEN_KEY, and the names of the path, such as NATIVE_ID. The rest
works in the demo.
"""

import json
import re
from typing import Any

from tokens.channels import declarations

_ACCOUNT = {"channel": declarations.channel_keys()[0], "native_id": "611420987315526"}
_PERSON = {"email": "deniz@example.com"}
_QUERIES = {
    "list_accounts": "?state=connected&limit=1000",
    "list_events": "?after=0",
    "list_asks": "?state=open&mine=true",
    "get_check": "?asked_at=$ASKED_AT",
}
# Of every POST that takes a body.
BODIES: dict[str, dict[str, Any]] = {
    "lease_token": {"purpose": "publish", "min_valid_for": 300},
    "lease_tokens": {"accounts": [_ACCOUNT]},
    "sign_request": {"method": "GET", "url": "https://ads-api.x.com/12/accounts/18ce61n7dk2/campaigns"},
    "report_answer": {"status": 400, "body": {"error": {"code": 190}}},
    "ask_people": {
        "kind": "client_link",
        "email": "clara@client.example",
        "team": "General",
        "channels": [_ACCOUNT["channel"]],
        "send_mail": False,
    },
    "make_credential": {"purpose": "publish", "days": 30},
    "pause_account": {"note": "Contract paused until May"},
    "resume_account": {"note": "Contract renewed"},
    "apply_macro": {"accounts": [_ACCOUNT]},
    "plan_offboarding": _PERSON,
    "offboard_person": {**_PERSON, "note": "Leaves on 30 November"},
}
# A new one for each deed.
_KEY = {"curl": "$(date +%s%N)", "python": "uuid.uuid4()", "typescript": "${crypto.randomUUID()}"}
_NAME = re.compile(r"\{(\w+)\}")
_VARIABLE = re.compile(r"\$(\w+)")


def samples(method: str, path: str, operation_id: str, *, once: bool) -> dict[str, str]:
    """Return the example by language. `once`: with an Idempotency-Key."""
    url = "$ADTOKEN_URL" + _NAME.sub(lambda found: f"${found[1].upper()}", path)
    url += _QUERIES.get(operation_id, "")
    headers = {"Authorization": "Bearer $ADTOKEN_KEY"}
    body = BODIES.get(operation_id)
    if body is not None:
        headers["Content-Type"] = "application/json"
    make = {"curl": _curl, "python": _python, "typescript": _typescript}
    return {
        name: made(method.upper(), url, headers | ({"Idempotency-Key": _KEY[name]} if once else {}), body)
        for name, made in make.items()
    }


def add(operation: dict[str, Any], method: str, path: str, *, once: bool) -> None:
    """Write the example into an operation of the schema: for readers of its page, and the body for who tries it there."""
    found = samples(method, path, operation["operationId"], once=once)
    fences = "\n\n".join(f"```{name.replace('curl', 'bash')}\n{text}\n```" for name, text in found.items())
    operation["description"] = (
        f"{operation.get('description', '')}\n\n<details><summary>Example: curl, Python, TypeScript</summary>\n\n{fences}\n\n</details>"
    )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = BODIES[operation["operationId"]]


def _curl(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    lines = [f"curl --silent --fail-with-body -X {method} {json.dumps(url)}"]
    lines += [f'-H "{name}: {value}"' for name, value in headers.items()]
    lines += [] if body is None else [f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join(lines)


def _python(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    written = ", ".join(f'"{name}": {_expanded(value)}' for name, value in headers.items())
    data = [] if body is None else [f"    data=json.dumps({body!r}).encode(),"]
    return "\n".join(
        [
            "import json, os, urllib.request, uuid",
            "",
            "request = urllib.request.Request(",
            f"    {_expanded(url)},",
            f'    method="{method}",',
            f"    headers={{{written}}},",
            *data,
            ")",
            "print(json.load(urllib.request.urlopen(request)))",
        ]
    )


def _expanded(text: str) -> str:
    """Return Python that writes variables of the environment into a text."""
    if text == _KEY["python"]:
        return "str(uuid.uuid4())"
    return f'os.path.expandvars("{text}")' if "$" in text else f'"{text}"'


def _typescript(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    names = dict.fromkeys(_VARIABLE.findall(" ".join([url, *headers.values()])))
    written = ", ".join(f'"{name}": `{_VARIABLE.sub(r"${\1}", value)}`' for name, value in headers.items())
    data = [] if body is None else [f"  body: JSON.stringify({json.dumps(body)}),"]
    return "\n".join(
        [
            f"const {{ {', '.join(names)} }} = process.env;",
            f"const answer = await fetch(`{_VARIABLE.sub(r'${\1}', url)}`, {{",
            f'  method: "{method}",',
            f"  headers: {{ {written} }},",
            *data,
            "});",
            "if (!answer.ok) throw new Error(await answer.text());",
            "console.log(await answer.json());",
        ]
    )
