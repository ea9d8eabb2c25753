"""`python -m tests.e2e.watchers`, in the product's environment: two accounts on LinkedIn, each with one person and somebody who watches it.

The people link at the stand-in channel as in a browser. The macros are as staff made them: a warning ahead to one address, and nothing at
once yet. Prints the ids of the macros as one line of JSON.
"""

import json
import sys
from dataclasses import dataclass

import django

CHANNEL = "linkedin"


@dataclass(frozen=True)
class Watched:
    """An account, the person who linked it (of AdToken and of the channel), and who watches it."""

    account: str
    native_id: str
    email: str
    key: str
    name: str
    watcher: str


WATCHED = (
    Watched("Harbor Coffee DE", "510086623", "ben@example.com", "ben", "Ben Lindqvist", "desk@agency.example"),
    Watched("Lumen Shoes EU", "508720451", "ada@example.com", "ada", "Ada Okafor", "phone@agency.example"),
)  # fmt: skip


def build() -> list[int]:
    """Write everything, and return the macros."""
    from accounts.models import Account
    from macros.models import Macro, MacroAction
    from tests.e2e.linked import link
    from users.models import User

    made = []
    for one in WATCHED:
        link(User.objects.get(email=one.email), CHANNEL, one.key, [one.account])
        macro = Macro.objects.create(name=f"{one.account}: tell the desk", scope=Macro.AppliesTo.CHOSEN)
        macro.accounts.add(Account.objects.get(channel=CHANNEL, native_id=one.native_id))
        MacroAction.objects.create(macro=macro, emails=[one.watcher], days=[14, 7], notify_consenters=False)
        made.append(macro.pk)
    return made


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(build()) + "\n")
