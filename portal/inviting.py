"""From the list of accounts to the page that invites a second person for those that were ticked."""

from functools import partial

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import backup_invitations
from accounts.models import Account
from ui.counts import number
from ui.phrases import phrase

say = partial(phrase, "words/backup_invitations.txt")


def lead(request: HttpRequest, accounts: QuerySet[Account]) -> HttpResponse:
    """Lead to the page that asks whom, and from there back to the list. Of more accounts than one mail is about, none: the list says so."""
    ids = list(accounts.order_by().values_list("pk", flat=True)[: backup_invitations.MOST + 1])
    if len(ids) > backup_invitations.MOST:
        messages.warning(request, say("too_many", most=number(backup_invitations.MOST)))
        return HttpResponseRedirect(request.get_full_path())
    query = f"account={','.join(map(str, ids))}&next={reverse('admin:accounts_account_changelist')}"
    return HttpResponseRedirect(f"{reverse('invite_backup')}?{query}")
