"""Refusals that the proxy makes itself: in the channel's own shape, so that its client raises what it would raise."""

import json

from broker.gate.decisions import Refusal
from broker.leases.texts import text
from tokens.channels import declarations, registry

AGAIN_AFTER = 5  # seconds


class Refused(Exception):  # noqa: N818  # an answer
    """The request is not sent, or its answer not passed on. `why`: a text of the gate. `retry_after` in seconds."""

    def __init__(self, status: int, why: str, retry_after: int | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.retry_after = status, why, retry_after


def refusal(channel: str, refused: Refused) -> Refusal:
    """Return the answer."""
    said = text(refused.why, channel=declarations.label(channel), seconds=refused.retry_after)
    status, body = registry.get(channel).paths.refuse(refused.status, said)
    headers = {"retry-after": str(refused.retry_after)} if refused.retry_after else {}
    return Refusal(status, json.dumps(body).encode(), headers)
