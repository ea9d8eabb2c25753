"""Deleting a group: a page that says who loses which rights. Django's own names each row of a table between the two."""

from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal import access
from ui import confirm
from ui.confirm import Done, Page, Said
from users import visibility
from users.models import User, person
from users.role_choices import GROUPS

NAMED = 5  # people


def group(page_of_groups: ModelAdmin[Group], request: HttpRequest, found: Group) -> HttpResponse:
    """Ask (GET), then delete the group, with one log entry (POST). The caller has asked whether the viewer may."""
    people = User.objects.filter(groups=found).order_by("name", "email")
    seen = people.filter(pk__in=visibility.people_of(person(request)).values("pk"))
    number = people.count()
    named = [str(one) for one in seen[:NAMED]]
    page = Page(
        "portal/confirm/delete_group.html",
        reverse("admin:auth_group_change", args=[found.pk]),
        {
            "group": found,
            "people": number,
            "named": named,
            "unnamed": number - len(named),
            "rights": found.permissions.count(),
        },
        warns=found.name in GROUPS.values(),
        danger=True,
        must_type=found.name if number else "",
        ask_why=False,
    )

    @transaction.atomic
    def do(_said: Said) -> Done:
        page_of_groups.log_deletions(request, Group.objects.filter(pk=found.pk))
        found.delete()
        return Done(after=reverse("admin:auth_group_changelist"))

    return confirm.answer(request, page, do, frame=access.frame_of(found))
