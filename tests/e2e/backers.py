"""`python -m tests.e2e.backers PLACE`, in the product's environment: 139 accounts that one person carries and a colleague's log-in reaches.

Both are linked at the stand-in channels as in a browser, so what the colleague's log-in reaches is what its channel says. PLACE is that in
FLEETS.
"""

import os
import sys

import django

from tests.e2e.product import RunningSandbox

COUNT = 139
# Whose accounts they are, at which channel, and who reaches them, too.
FLEETS = (("Kiefer Bau", "pinterest", "emil-k@example.com"), ("Linde Papier", "tiktok", "emil-l@example.com"))


def build(channels: RunningSandbox, client: str, channel: str, colleague: str) -> None:
    """Write everything."""
    from tests.e2e.linked import link
    from tests.support import factories

    names = [f"{client} {number:03}" for number in range(1, COUNT + 1)]
    for number, name in enumerate(names):
        native_id = str(7_700_000_000_000_000_000 + number)
        roles = {"chiara": "admin", "emil": "admin"}
        channels.put_account(channel, native_id, name=name, currency="EUR", roles=roles)
    carrier = factories.make_user(f"chiara-{channel}@example.com", name="Chiara Rossi", password="")
    emil = factories.make_user(colleague, name="Emil Novak", password="")
    link(carrier, channel, "chiara", names)
    link(emil, channel, "emil", ["Fern Gardens"])


if __name__ == "__main__":
    django.setup()
    build(RunningSandbox({"sandbox": os.environ["SANDBOX_URL"], "mailbox": ""}), *FLEETS[int(sys.argv[1])])
    sys.stdout.write("{}\n")
