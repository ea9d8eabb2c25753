"""The accounts of a saved view, where nobody looks at the list: for calendars."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from accounts.models import Account, SavedView
from users.models import User


def of_view(user: User, view: SavedView) -> QuerySet[Account]:
    """Return what the list Social Accounts would show to this person under the view; nothing where its filters are no longer known."""
    request = HttpRequest()
    request.method, request.user = "GET", user
    page: Any = admin.site.get_model_admin(Account)
    found: QuerySet[Account] = page.filtered(request, QueryDict(view.query))
    return found
