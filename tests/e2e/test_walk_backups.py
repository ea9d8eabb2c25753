"""139 accounts depend on one person; a colleague's log-in reaches them already: staff add it to all of them. The colleague gets a mail.

It runs behind the stories, where its accounts would be in the way.
"""

from tests.e2e.backers import COUNT, FLEETS
from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import (
    DESK,
    MIRA,
    WORKER_SECONDS,
    bar_deed,
    go_to,
    in_both_widths,
    log_in,
    open_filters,
    search,
    tick_all,
)


@in_both_widths
def test_139_accounts_get_their_backup_by_one_deed(product: Product, chromium: Chromium, width: int) -> None:
    place = int(width != DESK)
    client, _, colleague = FLEETS[place]
    product.run("-m", "tests.e2e.backers", str(place))
    with chromium.visitor(width=width) as mira:
        log_in(mira, product, MIRA, "/admin/")
        go_to(mira, "Social Accounts")
        search(mira, client.split()[0])
        open_filters(mira)
        mira.touch(mira.page.locator("summary.at-chip", has_text="More"))
        mira.follow("Could be backed up at once")
        mira.sees(f"{COUNT} of ", "139")
        tick_all(mira, str(COUNT))
        bar_deed(mira, "Back up")
        mira.sees(f"Add a backup to {COUNT} accounts?", "Emil Novak")
        mira.take("backups-many", only=DESK)
        mira.press("Add backups")
        mira.page.get_by_text(f"{COUNT} added").wait_for(timeout=WORKER_SECONDS * 1000)
        mira.fits()
    (mail,) = product.mails_to(colleague, 1)
    assert f"backs up {COUNT} more accounts" in mail["subject"]
