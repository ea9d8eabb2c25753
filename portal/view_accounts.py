"""The accounts of a saved view, where nobody looks at the list: for calendars."""

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from accounts.models import Account, SavedView
from users.models import User


def of_view(user: User, view: SavedView) -> QuerySet[Account]:
    """Return what the list Social Accounts would show to this person under the view; nothing where its filters are no longer known."""
    request = HttpRequest()
    request.method, request.user, request.GET = "GET", user, QueryDict(view.query)
    page = admin.site.get_model_admin(Account)
    try:
        found: QuerySet[Account] = page.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters:
        return Account.objects.none()
    return found
