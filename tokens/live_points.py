"""What each step of `manage.py check_channel` proves of what we only know from documents. Open points of docs/channels/, by step."""

from typing import Literal

from tokens.channels import words

Step = Literal["app", "identity", "inspect", "list", "account", "renew"]


def proves(channel: str, step: Step) -> tuple[str, ...]:
    """Return what a good answer at this step proves, then what is to be compared with it."""
    compare = words.listed(channel, f"compare_{step}")
    return (
        f"Proves, if ok: {words.said(channel, f'proves_{step}')}",
        *[f"Compare: {point}" for point in compare],
    )
