"""A client gives access by a link, from the mail to done; then a second person is invited. Its channels are Pinterest and TikTok."""

from dataclasses import dataclass

from tests.e2e.driver import PHONE, Chromium, Visitor
from tests.e2e.product import Product
from tests.e2e.steps import (
    DESK,
    LUMEN,
    MIRA,
    consent,
    in_both_widths,
    log_in,
    open_mail,
    press_in_mail,
)

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Walk:
    """The channel, the client, and the second person who is invited."""

    channel: str
    client: str
    second: str


WALKS = {
    DESK: Walk("Pinterest", "clara@client.example", "sasha@example.com"),
    PHONE: Walk("TikTok", "petra@client.example", "robin@example.com"),
}


@in_both_widths
def test_a_client_gives_access_and_a_marketer_invites_a_backup(
    product: Product, chromium: Chromium, width: int
) -> None:
    walk = WALKS[width]
    with chromium.visitor(width=width) as mira:
        log_in(mira, product, MIRA, "/client-links/")
        a_link_is_made(mira, walk)
        with chromium.visitor(width=width) as client:
            the_client_gives_access(client, product, walk)
        the_account_has_one_person_and_gets_an_invitation(mira, walk)
    with chromium.visitor(width=width) as second:
        the_second_person_accepts(second, product, walk)


def a_link_is_made(mira: Visitor, walk: Walk) -> None:
    mira.page.get_by_label("E-mail", exact=True).fill(walk.client)
    mira.page.get_by_label("Name").fill("Clara Client")
    mira.page.get_by_label("Team that the accounts are for").select_option(label="General")
    mira.page.get_by_label(walk.channel).check()
    mira.page.get_by_label("A line of yours").fill("For the spring campaign")
    mira.take("client-link-make", only=DESK)
    mira.press("Make and send the link")
    mira.sees("A mail with the link goes to", walk.client)
    mira.take("client-link-made", only=DESK)


def the_client_gives_access(client: Visitor, product: Product, walk: Walk) -> None:
    mail = product.mails_to(walk.client, 1)[0]
    open_mail(client, product, mail)
    client.take("client-link-mail", only=PHONE)
    press_in_mail(client, "^See what is asked for")
    client.sees(
        "asks for access to your ad accounts", "For the spring campaign", "You choose which accounts."
    )
    client.take("client-link-page", only=PHONE)
    client.take("client-link-page-desktop", only=DESK)
    client.press(f"Continue to {walk.channel}")
    consent(client, "Ada Okafor")
    client.sees("Which ad accounts do you give access to?")
    client.take("client-link-choose", only=PHONE)
    client.press("Give access")
    client.sees("Thank you. That was all")
    client.take("client-link-done", only=PHONE)


def the_account_has_one_person_and_gets_an_invitation(mira: Visitor, walk: Walk) -> None:
    mira.open("/client-links/")
    mira.sees("Clara Client", "Used", "linked")
    mira.touch(mira.page.locator("a.at-row", has_text=walk.client))
    mira.touch(mira.page.locator("a", has_text=LUMEN).first)
    mira.sees("Authenticate Tokens", "Clara Client")
    mira.follow("Invite a backup")
    mira.page.get_by_label("E-mail of the second person").fill(walk.second)
    mira.page.get_by_label("A line of yours").fill("You know this client best")
    mira.take("invite-backup", only=DESK)
    mira.press("Send the invitation")
    mira.sees(f"A mail goes to {walk.second}", f"{walk.second} was invited on")
    mira.take("invite-backup-sent", only=DESK)


def the_second_person_accepts(second: Visitor, product: Product, walk: Walk) -> None:
    (mail,) = product.mails_to(walk.second, 1)
    open_mail(second, product, mail)
    press_in_mail(second, "^Accept")
    second.page.get_by_label("Your name").fill("Sasha Second")
    second.page.get_by_label("Password", exact=True).fill(PASSWORD)
    second.page.get_by_label("Password, once more").fill(PASSWORD)
    second.press("Accept the invitation")
    second.sees("You are asked to link", "It is ticked for you when you come back.")
    second.take("invite-backup-phone", only=PHONE)
    second.press(f"Continue to {walk.channel}")
    consent(second, "Ben Lindqvist")
    second.sees("Which ad accounts should AdToken keep connected?")
    second.press("Link 1 account")
    second.sees("1 account is linked")
