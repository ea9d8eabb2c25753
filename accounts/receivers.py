"""The one receiver of tokens' news, and the mails this app owns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any


def settle_changed(
    sender: Any, *, token_ids: Sequence[int], cause: str, now: datetime, **kwargs: Any
) -> None:
    """Settle the pools of these tokens, in the transaction that changed them."""


def register_messages() -> None:
    """Register the builders of this app's message kinds."""
