"""What a process remembers between two requests, and a test must not know of the one before."""

from macros import windows
from tokens import key_usage
from tokens.app_keys import keys_by_version
from tokens.channels import brake, breaker, shared, shares
from users import asking_workers, hold


def forget() -> None:
    """Know nothing of macros, keys and channels, as a process that has just begun."""
    for memory in (windows, key_usage, shared, breaker, brake, asking_workers):
        memory.forget()
    keys_by_version.cache_clear()  # numbers of apps come again where a test has emptied tables
    shares.limit(None)
    hold.trust(seconds=3600)  # tests/project/test_hold.py looks itself
