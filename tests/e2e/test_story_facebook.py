"""The story of the help article on Facebook: two people, one ad account, a changed password, a warning ten days ahead.

It is docs/tour.md, literally: what a reader types is taken from there, and so is what it is to print. Beat and the worker run beside it.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.driver import Chromium, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import (
    ADA,
    BEN,
    DESK,
    KEPT,
    LUMEN,
    MIRA,
    choose_only,
    consent,
    evaluate,
    log_in,
    log_in_by_password,
    open_account,
    renew_by_the_link,
)
from tests.e2e.tour import TourShell

AGENCY = "watch@agency.example"
BERLIN = ZoneInfo("Europe/Berlin")  # the project's time zone: whose calendar days count
DAYS_OF_BEN, DAYS_OF_MACRO = 20, 10
MAIL_WIDTH = 680  # of pictures of mails: they are at most 600 px wide
MACRO = "Ten days before Lumen stops"


def test_facebook_keeps_publishing_through_the_second_person(
    product: Product, chromium: Chromium, place: Path
) -> None:
    product.channels.delete_mails()
    with (
        chromium.visitor() as ada, chromium.visitor() as ben, chromium.visitor() as mira,
        TourShell(product, place / "tour") as shell,
    ):  # fmt: skip
        log_in(ada, product, ADA)
        ada_links_the_account(ada)
        log_in(ben, product, BEN)
        shell.follow("2. Ben links the same account")
        ends = datetime.now(BERLIN).replace(hour=12, minute=0) + timedelta(days=DAYS_OF_BEN)
        ben_links_it_too_with_a_date_that_nothing_renews(ben)
        shell.follow("3. A publishing job leases a token")
        shell.follow("4. Ada changes her password")
        product.three_hours_pass()
        ada_is_told_once(product, mira)
        log_in(mira, product, MIRA, "/admin/")
        staff_see_the_shift_and_its_cause(mira)
        staff_create_the_macro(mira)
        staff_apply_it_to_the_account(mira)
        if KEPT:
            mira.open("/channels/")
            mira.take("21-what-each-channel-needs")
        shell.follow("6. A macro warns ten days ahead")
        everybody_is_warned_once(product, ends, mira)
    mail = mail_with_her_link(product)
    with chromium.visitor() as ada:
        the_link_leads_ada_to_facebook_and_back_without_our_password(ada, product, mail)
        the_deadline_has_moved(ada)
    nothing_more_is_mailed(product)


def ada_links_the_account(ada: Visitor) -> None:
    ada.sees("Link your first ad account")
    ada.take("01-first-account", only=DESK)
    ada.follow(re.compile("^Facebook"))
    ada.take("02-before-facebook", only=DESK)
    ada.press("Continue to Facebook")
    consent(ada, "Ada Okafor", picture="03-consent-at-facebook" if ada.width == DESK else "")
    choose_only(ada, LUMEN)
    ada.sees("You are logged in at Facebook as Ada Okafor", "Nobody else: no backup yet")
    ada.take("04-choose-accounts", only=DESK)
    ada.press("Link 1 account")
    ada.sees("1 account is linked", LUMEN, "Only you.")
    ada.take("05-linked", only=DESK)


def ben_links_it_too_with_a_date_that_nothing_renews(ben: Visitor) -> None:
    ben.open("/link/facebook/")
    ben.press("Continue to Facebook")
    consent(ben, "Ben Lindqvist")
    choose_only(ben, LUMEN)
    ben.sees("Linked by Ada. You become a backup.")
    ben.take("06-second-person")
    ben.press("Link 1 account")
    ben.sees("1 account is linked", "Ada is active. You are the backup.", f"{DAYS_OF_BEN} days left")


def ada_is_told_once(product: Product, anybody: Visitor) -> None:
    (mail,) = product.mails_to(
        ADA, 1
    )  # "your log-in stopped", once per death; a job that fails twice changes nothing
    product.mails_to(BEN, 0)  # his log-in works

    assert mail["subject"] == f"{LUMEN} goes on through Ben: please re-authenticate"
    for body in (mail["text"], mail["html"]):
        flat = " ".join(body.split())
        assert "password" in flat
        assert "Re-authenticate" in flat
        assert "Continue" in flat, "the last step at the channel"
    anybody.open(f"{product.channels.mailbox}/mails/{mail['id']}/html")
    anybody.take("07-mail-log-in-stopped", width=MAIL_WIDTH)


def staff_see_the_shift_and_its_cause(mira: Visitor) -> None:
    mira.take("08-admin-start")
    open_account(mira, LUMEN, channel="Facebook")
    mira.sees("Password changed", "1 of 2")
    mira.take("09-authenticate-tokens")
    mira.follow("Time-line")
    mira.sees(
        "Shifted from Ada Okafor to Ben Lindqvist", "Found by a publishing job, confirmed with Facebook."
    )


def staff_create_the_macro(mira: Visitor) -> None:
    mira.open("/admin/")
    mira.follow("Macros")
    mira.follow("Create Macro")
    page = mira.page
    page.get_by_label("Macro name").fill(MACRO)
    the_form_says_whom_it_would_mail(mira)
    page.get_by_label("Chosen accounts", exact=True).first.check()
    page.get_by_label("Action").select_option(label="Set Pre-Deactivation Notification")
    page.get_by_label("E-mail addresses").fill(AGENCY)
    warn_so_many_days_ahead(mira, str(DAYS_OF_MACRO))
    page.get_by_label("Also mail the person who linked the token").check()
    page.get_by_text("It is applied to no account yet.").wait_for()  # no account is chosen yet
    mira.press("Save macro")
    mira.sees("Macro saved.")


def warn_so_many_days_ahead(mira: Visitor, days: str) -> None:
    """Take the days out that stand there, and type others: each becomes a chip."""
    field = mira.page.get_by_label("Days in advance")
    chips = field.locator("xpath=..")
    while chips.get_by_role("button").count():
        chips.get_by_role("button").first.click()
    field.fill(days)
    field.press("Tab")
    assert chips.get_by_role("button").count() == len(days.split(","))


def the_form_says_whom_it_would_mail(mira: Visitor) -> None:
    page = mira.page
    page.get_by_label("All accounts of some channels").check()
    page.get_by_role("checkbox", name="Facebook").check()
    page.get_by_label("E-mail addresses").fill(AGENCY)
    warn_so_many_days_ahead(mira, "14, 10, 3")
    page.locator("#macro-preview").get_by_text(
        "14 days left"
    ).first.wait_for()  # beside the form, the first mail
    mira.sees("Due, next 30 days")
    mira.take("walk-create-macro")
    page.get_by_role("checkbox", name="Facebook").uncheck()


def staff_apply_it_to_the_account(mira: Visitor) -> None:
    mira.follow("Choose accounts")
    mira.page.get_by_label(f"Select {LUMEN}").check()
    mira.take("11-social-accounts")
    mira.press("Apply macro")
    mira.page.get_by_label("Macro", exact=True).select_option(label=MACRO)
    mira.page.get_by_text("10 days left, 3 people").wait_for()
    mira.press("Apply macro")
    mira.sees("1 with the macro now")


def everybody_is_warned_once(product: Product, ends: datetime, anybody: Visitor) -> None:
    """Ours (10 days) finds the account; the one of a new installation (30, 7, 1 days) has nothing to say on that day."""
    (to_agency,) = product.mails_to(AGENCY, 1)
    (to_ben,) = product.mails_to(BEN, 1)
    to_ada, _ = product.mails_to(ADA, 2)  # the second is the older one, that her log-in stopped

    left = (ends.date() - datetime.now(BERLIN).date()).days
    assert to_agency["subject"] == f"{LUMEN} stops in {left} days: waiting for Ben Lindqvist"
    assert to_ben["subject"] == f"{LUMEN} stops in {left} days: please re-authenticate"
    assert to_ada["subject"] == f"{LUMEN} stops in {left} days: please re-authenticate"
    for body in (to_agency["text"], to_agency["html"]):
        flat = " ".join(body.split())
        assert f"{ends:%a} {ends.day} {ends:%b %Y, %H:%M}" in flat, "the deadline"
        assert "Waiting for Ben Lindqvist" in flat, "whom it waits for"
        assert "Press Continue and keep every ad account ticked." not in flat, (
            "nothing to press for who only watches"
        )
    anybody.open(f"{product.channels.mailbox}/mails/{to_agency['id']}/html")
    anybody.open(f"{product.channels.mailbox}/mails/{to_ada['id']}/html")
    anybody.take("14-warning-mail", width=MAIL_WIDTH)
    anybody.open(f"{product.channels.mailbox}/mails/{to_ben['id']}/html")
    anybody.take("walk-warning-mail", width=MAIL_WIDTH)


def mail_with_her_link(product: Product) -> dict[str, Any]:
    mail = product.channels.mails(to=ADA)[0]
    in_text = re.search(rf"{product.web}/renew/\S+", mail["text"])
    assert in_text is not None, mail["text"]
    assert in_text.group() in mail["html"]
    return mail


def the_link_leads_ada_to_facebook_and_back_without_our_password(
    ada: Visitor, product: Product, mail: dict[str, Any]
) -> None:
    renew_by_the_link(
        ada, product, mail, channel="Facebook", name="Ada Okafor", account=LUMEN, pictures=["", "16-done"]
    )  # fmt: skip
    log_in_by_password(ada, product, ADA, "/")  # nobody was logged in by it


def the_deadline_has_moved(ada: Visitor) -> None:
    ada.open("/")
    ada.sees("Everything works.")
    ada.follow(LUMEN)
    assert re.search("(59|60|61) days left", ada.text()), "an hour may come or go in between"
    ada.take("17-who-keeps-it-connected")


def nothing_more_is_mailed(product: Product) -> None:
    assert evaluate(product).endswith("0 notices found, 0 messages written.")
    for address, count in ((AGENCY, 1), (BEN, 1), (ADA, 2)):
        product.mails_to(address, count)
