"""Whom accounts still concern of those who were told about them, see `World.concerns`.

Whether they stopped or snoozed their mails is asked elsewhere: it concerns them all the same.
"""

from collections.abc import Collection, Mapping

from macros.notices import facts


def of(address: str, account_ids: Collection[int]) -> set[int]:
    """Return which of these accounts (ids) concern an address."""
    return among({address: account_ids})[address]


def among(pairs: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Return for each address (in lower case) which of its accounts (ids) concern it: none, where its person can no longer log in.

    A fixed number of queries, however many addresses and accounts.
    """
    world = facts.world({pk for ids in pairs.values() for pk in ids})
    return {
        address: {pk for pk in ids if pk in world.accounts and world.concerns(world.accounts[pk], address)}
        for address, ids in pairs.items()
    }
