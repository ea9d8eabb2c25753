"""The checklist of an empty installation, and the test mail: what to set up, in which order, and what is done already."""

import uuid
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Account
from macros.models import Macro
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, compose_mail, reader_of, register_kind
from tokens.models import ChannelApp
from ui import addresses
from ui.phrases import phrase
from users.installation import hold
from users.models import Invitation, User, person

TEST = "test"
SETTING_UP = ["tokens.change_channelapp", "users.invite_user"]  # permissions of whoever is shown the steps
say = partial(phrase, "words/first_steps.txt")


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
    if not request.user.has_perms(SETTING_UP):
        return []
    apps = ChannelApp.objects.filter(state=ChannelApp.State.LIVE, secrets__isnull=False)
    colleagues = Invitation.objects.exists() or User.objects.filter(is_active=True).count() > 1
    second = Account.objects.filter(people_count__gt=1)
    alone = f"{reverse('admin:accounts_account_changelist')}?view=alone"
    macros = Macro.objects.filter(enabled=True)
    mails = Message.objects.filter(state=Message.State.SENT)  # an invitation shows as well that mail goes out
    found = [
        _step("channel_app", reverse("admin:tokens_channelapp_add"), done=apps.exists()),
        _step("colleague", reverse("admin:users_invitation_add"), done=colleagues),
        _step("account", reverse("admin:accounts_account_add"), done=Account.objects.exists()),
        _step("second_person", alone, done=second.exists()),
        _step("macro", reverse("admin:macros_macro_changelist"), done=macros.exists()),
        _step("test_mail", reverse("admin:test_mail"), done=mails.exists(), posts=True),
    ]
    first = next((step for step in found if not step.done), None)
    if first is None:
        return []
    return [Step(**{**vars(step), "next": step is first}) for step in found]


def _step(name: str, link: str, *, done: bool, posts: bool = False) -> Step:
    return Step(say(name), say(f"{name}_why"), say(f"{name}_button"), link, done, posts)


def send_test_mail(request: HttpRequest) -> HttpResponse:
    """Mail the person who asks (POST), through the outbox as every mail goes. 403 for whoever does not set the installation up."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perms(SETTING_UP):
        raise PermissionDenied
    hold.refuse()
    user = person(request)
    outbox.enqueue(kind=TEST, recipient=user.email, dedupe_key=f"test:{uuid.uuid4()}", now=timezone.now())
    messages.success(request, say("test_mail_sent", email=user.email))
    return HttpResponseRedirect(reverse("admin:index"))


def build_test(message: Message) -> Mail:
    """Return the test mail."""
    facts = {"recipient": message.recipient, "rest_url": addresses.absolute_url("my_accounts"), "why_url": ""}
    return compose_mail("test", message, reader_of(message), facts)


def register() -> None:
    """Say how the test mail is built. Called once, when the app starts."""
    register_kind(TEST, build_test, name=gettext_lazy("Test mail"), stays=True)
