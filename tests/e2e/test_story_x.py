"""The same story on X: tokens have no end date there, so the trouble is a person who removes AdToken, then the other one."""

from contextlib import closing

from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.job import Job
from tests.e2e.product import Product
from tests.e2e.steps import (
    ADA,
    BEN,
    LUMEN,
    MIRA,
    choose_only,
    consent,
    evaluate,
    log_in,
    only_for_pictures,
    open_account,
    renew_by_the_link,
)

LUMEN_ID = "18ce54d4x5t"
NOTHING = "0 notices found, 0 messages written."


@only_for_pictures
def test_x_goes_dark_when_both_have_cancelled_and_comes_back(product: Product, chromium: Chromium) -> None:
    product.channels.delete_mails()
    with closing(Job(product, "x", LUMEN_ID)) as job:
        with chromium.visitor() as ada, chromium.visitor() as ben:
            log_in(ada, product, ADA)
            link_on_x(ada, "Ada Okafor", picture="18-consent-at-x")
            log_in(ben, product, BEN)
            link_on_x(ben, "Ben Lindqvist")
        a_campaign_goes_out_signed_by_adtoken(job)
        nothing_is_due_because_x_sets_no_end(product)
        product.channels.cancel_authorisation("x", "ada")
        the_job_goes_on_through_ben(job)
        product.three_hours_pass()
        product.mails_to(ADA, 1)  # before Ben follows: what happens at once is told at once
        product.channels.cancel_authorisation("x", "ben")
        the_job_is_told_to_come_back_and_then_to_hold(product, job)
        everybody_is_told_once(product)
        with chromium.visitor() as mira:
            staff_see_that_it_is_deactivated(mira, product)
        with chromium.visitor(width=PHONE) as ben:
            ben_comes_back_from_the_mail(ben, product)
        a_campaign_goes_out_again(job)
    assert evaluate(product).endswith(NOTHING)
    both_read_that_it_works_again(product)


def link_on_x(person: Visitor, name: str, *, picture: str = "") -> None:
    person.open("/link/x/")
    person.press("Continue to X")
    consent(person, name, picture=picture)
    choose_only(person, LUMEN)
    person.press("Link 1 account")
    person.sees("1 account is linked", "No end date")


def a_campaign_goes_out_signed_by_adtoken(job: Job) -> None:
    lease = job.lease().json()

    made = job.publish_on_x(lease, "Autumn")

    assert made.status_code == 201, made.text
    assert lease["native_user"] == "Ada Okafor"
    assert lease["signs"] is True
    assert lease["send"] == {"headers": {}, "query": {}}, "no secret of X leaves AdToken"


def nothing_is_due_because_x_sets_no_end(product: Product) -> None:
    assert evaluate(product).endswith(NOTHING)
    product.mails_to(ADA, 0)
    product.mails_to(BEN, 0)


def the_job_goes_on_through_ben(job: Job) -> None:
    lease = job.lease().json()
    refused = job.publish_on_x(lease, "Winter")
    assert refused.status_code == 401

    told = job.report(lease, refused)

    assert (told["verdict"], told["action"]) == ("token_dead", "retry_with")
    assert told["reason"] == "authorisation_cancelled"
    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert job.publish_on_x(told["lease"], "Winter").status_code == 201


def the_job_is_told_to_come_back_and_then_to_hold(product: Product, job: Job) -> None:
    lease = job.lease().json()
    refused = job.publish_on_x(lease, "Spring")

    at_once = job.report(lease, refused)["action"], job.lease().status_code
    product.three_hours_pass()
    told = job.report(lease, refused)

    assert at_once == ("retry_later", 503), "it is doubted first"
    assert told["action"] == "hold"
    assert set(told["problem"]["who"]) == {"Ada Okafor", "Ben Lindqvist"}
    assert told["problem"]["steps"]
    again = job.lease()
    assert again.status_code == 409
    assert again.json()["reason"] == "authorisation_cancelled"


def everybody_is_told_once(product: Product) -> None:
    """Each that the own log-in stopped; Ben's says that the account went dark by it, and Ada hears that by the macro."""
    _, again = evaluate(product), evaluate(product)

    dark, ada_stopped = product.mails_to(ADA, 2)
    (ben_stopped,) = product.mails_to(BEN, 1)
    assert again.endswith(NOTHING)
    assert ada_stopped["subject"] == f"{LUMEN} goes on through Ben: please re-authenticate"
    for mail in (dark, ben_stopped):
        assert mail["subject"] == f"{LUMEN} is deactivated: please re-authenticate"
        flat = " ".join(mail["text"].split())
        assert "You may have removed AdToken there." in flat, "the reason"
        assert "Authorize app" in flat, "the last step at the channel"


def staff_see_that_it_is_deactivated(mira: Visitor, product: Product) -> None:
    log_in(mira, product, MIRA, "/admin/")
    open_account(mira, LUMEN, channel="X")
    mira.sees("Deactivated", "Authorisation cancelled", "0 of 2")
    mira.take("19-deactivated")


def ben_comes_back_from_the_mail(ben: Visitor, product: Product) -> None:
    mail = product.channels.mails(to=BEN)[0]
    renew_by_the_link(
        ben, product, mail, channel="X", name="Ben Lindqvist", account=LUMEN, pictures=["renew-phone", "renewed-phone"]
    )  # fmt: skip


def both_read_that_it_works_again(product: Product) -> None:
    """Whoever was told that it went dark."""
    to_ada, *_ = product.mails_to(ADA, 3)
    to_ben, _ = product.mails_to(BEN, 2)
    assert {to_ada["subject"], to_ben["subject"]} == {f"{LUMEN} works again"}


def a_campaign_goes_out_again(job: Job) -> None:
    lease = job.lease().json()

    assert lease["native_user"] == "Ben Lindqvist"
    assert job.publish_on_x(lease, "Spring").status_code == 201
