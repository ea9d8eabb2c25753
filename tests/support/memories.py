"""What a process remembers between two requests, and a test must not know of the one before."""

from infra import asking_workers
from macros.rules import services as macro_rules
from tokens.channel_apps.models import keys_by_version
from tokens.channels import brake, gate, shared
from tokens.vault import queries as key_usage
from users.installation import hold


def forget() -> None:
    """Know nothing of macros, keys and channels, as a process that has just begun."""
    for memory in (key_usage, shared, brake, asking_workers):
        memory.forget()
    macro_rules.forget_widest()
    keys_by_version.cache_clear()  # numbers of apps come again where a test has emptied tables
    gate.limit_shares(None)
    hold.trust(seconds=3600)  # tests/project/test_hold.py looks itself
