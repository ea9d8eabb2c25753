""" "I no longer run this account": what becomes of it without the person's log-in, before anything is done."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import giving_up, summary
from accounts.models import Account
from tokens.channels import declarations
from ui import confirm
from ui.confirm import Page, Said
from users import roles
from users.models import person
from users.visibility import names_for


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def give_up(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show whether the account stops or who carries on (GET), then take the person's own log-ins out of it (POST).

    404 for an account that the person does not see, 403 for auditors; back to the account where none of theirs is linked.
    """
    user, now = person(request), timezone.now()
    if roles.only_looks(user):
        raise PermissionDenied
    account = get_object_or_404(Account.objects.visible_to(user).select_related("team"), pk=account_id)
    mine = giving_up.own(account, user)
    if not mine:
        return redirect("my_account", account.pk)
    found = summary.summarise(account, now)
    ids = {entry.token_id for entry in mine}
    others = [entry for entry in found.usable if entry.token_id not in ids]
    stops = not others and any(entry.token_id in ids for entry in found.usable)
    page = Page(
        "selfservice/confirm/give_up.html",
        reverse("my_accounts"),
        {
            "account": account,
            "channel": declarations.label(account.channel),
            "carrier": names_for(user).within(others[0].token, account) if others else "",
            "others": len(others),
        },
        must_type=account.name if stops else "",
        warns=stops,
        danger=True,
    )

    def do(said: Said) -> None:
        giving_up.give_up(account=account, person=user, note=said.note, now=timezone.now())

    answer = confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})
    if request.method == "POST" and isinstance(answer, TemplateResponse):  # it asks once more
        answer.status_code = HTTPStatus.BAD_REQUEST
    return answer
