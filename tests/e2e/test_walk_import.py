"""A list of accounts from a spreadsheet: upload, what each line would do, confirm, a row for each; the check on a phone, too."""

from tests.e2e.driver import Chromium
from tests.e2e.product import Product
from tests.e2e.steps import MIRA, WORKER_SECONDS, log_in

PHONE = 390
LIST = "/admin/accounts/account/"
FILE = """channel;native_id;name;linked_by;native_user_id;native_user_name;access_token
facebook;710000000000101;Weißdorn Möbel Süd – Herbst und Winter 2026, alle Filialen;;;;
facebook;710000000000102;Weißdorn Möbel Nord;;;;
linkedin;7100103;Weißdorn Möbel Karriere;;;;
facebook;7,1E+14;Weißdorn Möbel West;;;;
facebook;710000000000105;Weißdorn Möbel Ost;jemand@example.com;;;
"""


def test_accounts_come_in_from_a_list_and_what_is_wrong_is_named_by_its_line(
    product: Product, chromium: Chromium
) -> None:
    with chromium.visitor() as mira:
        log_in(mira, product, MIRA, LIST)
        mira.touch(mira.page.locator(".at-head-actions summary"))
        mira.follow("Import")
        mira.sees("Import accounts", "What the file holds")
        file = {"name": "kunden.csv", "mimeType": "text/csv", "buffer": ("\ufeff" + FILE).encode()}
        mira.page.get_by_label("CSV or XLSX file").set_input_files(files=file)  # type: ignore[arg-type]
        mira.press("Check the file")
        mira.sees("Import 3 lines?", "upload it again: 2.", "Line", "took this ID for a number")
        mira.take("import-check")
        check = mira.page.url.removeprefix(product.web)
        with chromium.visitor(width=PHONE, theme="dark") as phone:
            log_in(phone, product, MIRA, f"{check}?show=all")
            phone.sees("Weißdorn Möbel Süd")
        mira.press("Import")
        mira.page.get_by_text("3 imported").first.wait_for(timeout=WORKER_SECONDS * 1000)
        mira.sees("Line 2 · Facebook · 710000000000101", "New account. It waits for somebody to link it")
        mira.open(f"{LIST}?q=Weißdorn")
        mira.sees("Weißdorn Möbel Nord", "3 of")
