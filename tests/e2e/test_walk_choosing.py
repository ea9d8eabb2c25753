"""Who runs many ad accounts finds some of them on the choose page, and ticks what is found and nothing else."""

from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import ADA, consent, log_in

# Among five or fewer nobody searches.
NAMES = ("Kestrel North", "Kestrel South", "Heron North", "Heron South", "Heron East", "Heron West")


def test_what_the_search_leaves_out_is_neither_seen_nor_ticked(product: Product, chromium: Chromium) -> None:
    # Nobody else consents by this log-in at Pinterest: whose it was first, theirs it stays.
    product.channels.put_user("pinterest", "kim", name="Kim Oduya")
    for number, name in enumerate(NAMES):
        product.channels.put_account(
            "pinterest", f"54975588600{number}", name=name, roles={"kim": "admin"}, currency="EUR"
        )
    with chromium.visitor() as ada:
        log_in(ada, product, ADA, "/link/pinterest/")
        ada.press("Continue to Pinterest")
        consent(ada, "Kim Oduya")
        rows = ada.page.locator("label.at-choice")
        for row in rows.all():
            if row.get_by_role("checkbox").is_enabled():
                row.get_by_role("checkbox").uncheck()

        ada.page.get_by_role("searchbox").fill("kestrel")
        shown = rows.filter(visible=True).all_inner_texts()
        ada.press("Select the 2 found")
        ada.page.get_by_role("searchbox").fill("")

        assert sorted(text.split("\n")[0] for text in shown) == ["Kestrel North", "Kestrel South"]
        assert rows.get_by_role("checkbox", checked=True).count() == 2
        ada.sees("Link 2 accounts", "Select all")
