"""What a channel says in the headers of its answers of the end of the version that was called.

A call to a channel may run in a thread that must not touch the database, so what was said is kept in the cache until
`tokens.version_watch` writes it to the channel app. Only a change goes to the cache, and what holds once in a while.
"""

import logging
import time

from django.core.cache import caches
from redis.exceptions import RedisError

from tokens import scrub
from tokens.channels.kinds import Answer, Versions

logger = logging.getLogger(__name__)

# https://www.rfc-editor.org/rfc/rfc9745 and https://www.rfc-editor.org/rfc/rfc8594
STANDARD = ("deprecation", "sunset")
LONGEST = 300  # characters
KEPT = 86_400  # seconds for which the cache holds what was said
AGAIN = 3_600  # seconds after which a process says the same once more

_said: dict[str, tuple[str, float]] = {}  # per process: the last that was said of each key, and when


def noted(answer: Answer, versions: Versions, *, client_id: str = "") -> Answer:
    """Note what an answer of a versioned call says of its version, and return the answer. Never raises.

    `client_id` is empty where the calls of all apps of a channel are alike. Only a good answer without such a header takes a warning back.
    """
    said = warning(answer, versions)
    if said or 200 <= answer.status < 300:
        _keep(key(versions, client_id), said)
    return answer


def warning(answer: Answer, versions: Versions) -> str:
    """Return the warning in an answer's headers, fit to be kept, or nothing."""
    found = [
        f"{name}: {value}" if name in STANDARD else value
        for name in (*versions.headers, *STANDARD)
        if (value := " ".join(answer.headers.get(name, "").split()))
    ]
    return scrub.strange("; ".join(found)[: 2 * LONGEST])[:LONGEST]


def key(versions: Versions, client_id: str) -> str:
    """Return the name in the cache of what is said to one app, or to all apps of a channel."""
    return f"version-warning:{versions.setting}:{client_id}"


def _keep(name: str, said: str) -> None:
    before, at = _said.get(name, ("?", 0.0))
    if before == said and time.monotonic() - at < AGAIN:
        return
    _said[name] = (said, time.monotonic())
    try:
        caches["calls"].set(name, said, KEPT)
    except (RedisError, OSError) as error:  # it is said again with the next answers
        _said.pop(name, None)
        logger.warning("a channel's warning about its version was not kept: %s", type(error).__name__)
