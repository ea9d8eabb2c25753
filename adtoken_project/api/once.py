"""A deed is done once, however often its call comes: the header Idempotency-Key.

For every POST but those of jobs (`OF_JOBS`), without a word at the operation. A lease, a signature or a report again harms nothing,
and their answers hold tokens; so the header is ignored there. What is kept is sealed as credentials are, for it may hold a person's link.

Only what was done is kept: after a refusal the same call may be tried again. Where the process died within a call, nobody knows how far it
came, and after RUNS_FOR the next one does it.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.cache import cache
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from adtoken_project.api.errors import answer_of, problem
from broker.api.api import OF_JOBS
from broker.api.codes import Code
from broker.api.errors import problem_of
from broker.api.limits import TooMany
from broker.leases.callers import Caller
from broker.leases.texts import text
from tokens.vault import services as vault
from tokens.vault.services import VaultError

HEADER = "Idempotency-Key"
LONGEST = 200  # characters
KEPT_FOR = 24 * 3600  # seconds
RUNS_FOR = 300  # seconds, longer than any call runs
AGAIN_AFTER = 2  # seconds

Respond = Callable[[], HttpResponse]


def is_of_jobs(path: str) -> bool:
    """Return whether this path, of a request or as the schema writes it, is one that jobs call all the time."""
    return any(pattern.fullmatch(path) for pattern in OF_JOBS.values())


def answer_once(
    request: HttpRequest, who: Callable[[HttpRequest], Caller | None], respond: Respond
) -> HttpResponse:
    """Return what `respond` answers, or what it answered to the first call with the same header and key."""
    name = request.headers.get(HEADER)
    if request.method != "POST" or name is None or is_of_jobs(request.path_info):
        return respond()
    try:
        caller, body = who(request), request.body
    except (RequestDataTooBig, TooMany):
        caller, body = None, b""
    if caller is None:
        return respond()  # it says why not
    if not 1 <= len(name) <= LONGEST:
        wrong = {"location": "header", "field": HEADER, "detail": text("key_length")}
        return problem(Code.NOT_VALID, f"{HEADER}: {wrong['detail']}", errors=[wrong])
    place = f"once:{caller.key_id}:{hashlib.sha256(name.encode()).hexdigest()}"
    call = hashlib.sha256(request.get_full_path().encode() + b"\0" + body).hexdigest()
    if cache.add(place, {"call": call}, RUNS_FOR):
        return _first(place, call, respond)
    return _again(place, call, cache.get(place) or {"call": call})


def _first(place: str, call: str, respond: Respond) -> HttpResponse:
    done = False
    try:
        answer = respond()
        done = answer.status_code < HTTPStatus.BAD_REQUEST
    finally:
        if not done:
            cache.delete(place)
    if done:
        kept = {
            "status": answer.status_code,
            "type": answer["Content-Type"],
            "body": answer.content.decode(),
            "at": answer.get("Location"),
        }
        cache.set(place, {"call": call, "kept": vault.seal(place, kept).ciphertext.decode()}, KEPT_FOR)
    return answer


def _again(place: str, call: str, found: dict[str, Any]) -> HttpResponse:
    if found["call"] != call:
        return problem(Code.KEY_REUSED, text("key_reused"))
    if "kept" not in found:
        return problem(Code.STILL_RUNNING, text("still_running"), retry_after=AGAIN_AFTER)
    try:
        kept = vault.unseal(place, vault.Sealed(found["kept"].encode()))
    except VaultError as error:
        return answer_of(problem_of(error))
    answer = HttpResponse(kept["body"], status=kept["status"], content_type=kept["type"])
    answer["Idempotent-Replayed"] = "true"
    if kept["at"]:
        answer["Location"] = kept["at"]
    return answer
