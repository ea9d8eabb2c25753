"""A log-in that has to be renewed every half hour: the job never notices; a person is asked only when Snapchat refuses to renew."""

import re
import time
from contextlib import closing

import httpx2

from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.figures import measured
from tests.e2e.job import Job
from tests.e2e.product import Product
from tests.e2e.steps import (
    ADA,
    BEN,
    LUMEN,
    MIRA,
    choose_only,
    consent,
    log_in,
    only_for_pictures,
    open_account,
)

LUMEN_ID = "e4cd371b-8de8-4011-a8d2-860fe77c09e1"


@only_for_pictures
def test_snapchat_is_renewed_without_anybody_until_it_refuses(product: Product, chromium: Chromium) -> None:
    product.channels.delete_mails()
    with closing(Job(product, "snapchat", LUMEN_ID)) as job:
        with chromium.visitor(width=PHONE) as ada, chromium.visitor() as ben:
            for person, email, name in ((ada, ADA, "Ada Okafor"), (ben, BEN, "Ben Lindqvist")):
                log_in(person, product, email)
                link_on_snapchat(person, name)
        the_job_reads(job, "Ada Okafor")
        half_an_hour_passes_and_the_job_goes_on(product, job)
        ada_removes_adtoken_and_the_job_goes_on_through_ben(product, job)
        only_ada_is_told(product)
        with chromium.visitor() as mira:
            staff_see_who_carries_it(mira, product)


def link_on_snapchat(person: Visitor, name: str) -> None:
    with measured(person, "link", channel="snapchat"):
        person.follow(re.compile("Add Account|^Snapchat"))
        if "link/snapchat" not in person.page.url:
            person.follow(re.compile("^Snapchat"))
        person.press("Continue to Snapchat")
        consent(person, name)
        choose_only(person, LUMEN)
        person.press("Link 1 account")
        person.sees("1 account is linked", "No end date")


def read(job: Job, lease: dict[str, dict[str, dict[str, str]]]) -> httpx2.Response:
    return job.bare.get(f"{lease['base_url']}/adaccounts/{LUMEN_ID}", headers=lease["send"]["headers"])


def the_job_reads(job: Job, name: str) -> None:
    lease = job.lease().json()

    assert lease["native_user"] == name
    assert read(job, lease).status_code == 200


def half_an_hour_passes_and_the_job_goes_on(product: Product, job: Job) -> None:
    lease = job.lease().json()
    product.channels.expire_now(channel="snapchat", user="ada")
    refused = read(job, lease)
    assert refused.status_code == 401

    told = job.report(lease, refused)
    for _ in range(2):  # a busy machine may take longer than a report waits
        if told["action"] == "retry_later":
            time.sleep(told["retry_after"])
            told = job.report(lease, refused)

    assert told["lease"], told
    assert (told["action"], told["lease"]["native_user"]) == ("retry_with", "Ada Okafor")
    assert told["lease"]["send"] != lease["send"], "a new access token"
    assert read(job, told["lease"]).status_code == 200
    product.mails_to(ADA, 0)


def ada_removes_adtoken_and_the_job_goes_on_through_ben(product: Product, job: Job) -> None:
    lease = job.lease().json()
    product.channels.cancel_authorisation("snapchat", "ada")

    told = job.report(lease, read(job, lease))

    assert (told["action"], told["lease"]["native_user"]) == ("retry_with", "Ben Lindqvist")
    assert read(job, told["lease"]).status_code == 200
    product.three_hours_pass()


def only_ada_is_told(product: Product) -> None:
    (mail,) = product.mails_to(ADA, 1)
    assert mail["subject"] == f"{LUMEN} goes on through Ben: please re-authenticate"
    assert "Connected Apps" in mail["text"], "the way back at Snapchat"
    product.mails_to(BEN, 0)


def staff_see_who_carries_it(mira: Visitor, product: Product) -> None:
    log_in(mira, product, MIRA, "/admin/")
    open_account(mira, LUMEN, channel="Snapchat")
    mira.sees("1 of 2", "Ben Lindqvist", "renewed by AdToken")
    mira.take("20-renewed-by-itself")
    mira.open("/channels/")
    mira.sees("How long authorisations last", "Access lasts 30 to 60 minutes")
    mira.take("21-what-each-channel-needs")
