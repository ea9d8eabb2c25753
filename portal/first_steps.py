"""The checklist of an empty installation, and the test mail: what to set up, in which order, and what is done already."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from macros.models import Macro
from notifications import composing, kinds, outbox
from notifications.kinds import Mail
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import ChannelApp
from ui import addresses
from users import hold
from users.models import Invitation, User, person

TEST = "test"


@dataclass(frozen=True)
class Step:
    """One step: what to do, why, where, and whether it is done."""

    title: str
    text: str
    button: str
    link: str
    done: bool
    posts: bool = False  # the button acts at once
    next: bool = False  # the first that is not done: it has the primary button


def steps(request: HttpRequest) -> list[Step]:
    """Return the steps for those who set an installation up; none for others, or once all are done."""
    if not request.user.has_perms(["tokens.change_channelapp", "users.invite_user"]):
        return []
    found = [_channel_app(), _colleague(), _account(), _second_person(), _macro(), _test_mail()]
    first = next((step for step in found if not step.done), None)
    if first is None:
        return []
    return [Step(**{**vars(step), "next": step is first}) for step in found]


def _channel_app() -> Step:
    live = ChannelApp.objects.filter(state=ChannelApp.State.LIVE, secrets__isnull=False)
    known = " or ".join(name for _, name in declarations.choices()[:2])
    text = f"Your developer app at a channel, such as {known}. Its page has a Test button."
    link = reverse("admin:tokens_channelapp_add")
    return Step("Set up a channel app", text, "Add a channel app", link, live.exists())


def _colleague() -> Step:
    done = Invitation.objects.exists() or User.objects.filter(is_active=True).count() > 1
    text = "People link ad accounts with their own log-ins. They come by a mailed invitation."
    return Step("Invite a colleague", text, "Invite", reverse("admin:users_invitation_add"), done)


def _account() -> Step:
    text = "It takes about a minute. Existing accounts come in by manage.py import_accounts."
    link = reverse("admin:accounts_account_add")
    return Step("Link an ad account", text, "Add Account", link, Account.objects.exists())


def _second_person() -> Step:
    text = "When one log-in stops, the account goes on through the other person's."
    link = f"{reverse('admin:accounts_account_changelist')}?view=alone"
    done = Account.objects.filter(people_count__gt=1).exists()
    return Step("Add a second person to an account", text, "Accounts with one person", link, done)


def _macro() -> Step:
    text = "A new installation warns the people who linked, 30, 7 and 1 days ahead. Add whom else it should tell."
    link = reverse("admin:macros_macro_changelist")
    return Step(
        "Have a macro warn in time", text, "Macros", link, Macro.objects.filter(enabled=True).exists()
    )


def _test_mail() -> Step:
    text = "To yourself: it shows that the mail server takes AdToken's mails."
    done = Message.objects.filter(kind=TEST, state=Message.State.SENT).exists()
    return Step("Send a test mail", text, "Send it to me", reverse("admin:test_mail"), done, posts=True)


def send_test_mail(request: HttpRequest) -> HttpResponse:
    """Mail the person who asks (POST), through the outbox as every mail goes."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    hold.refuse()
    user = person(request)
    outbox.enqueue(kind=TEST, recipient=user.email, dedupe_key=f"test:{uuid.uuid4()}", now=timezone.now())
    messages.success(
        request, f"A test mail to {user.email} is on its way. Messages shows what becomes of it."
    )
    return HttpResponseRedirect(reverse("admin:index"))


def build_test(message: Message) -> Mail:
    """Return the test mail."""
    facts = {"recipient": message.recipient, "rest_url": addresses.absolute_url("my_accounts"), "why_url": ""}
    return composing.compose("test", message, composing.reader_of(message), facts)


def register() -> None:
    """Say how the test mail is built. Called once, when the app starts."""
    kinds.register(TEST, build_test, name="Test mail", stays=True)
