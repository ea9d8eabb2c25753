"""Accounts as a file, in the request that asks for it."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext

from accounts import export_rows, export_sheets
from accounts.models import Account
from ui.counts import number
from users.visibility import names_for

MOST = 10_000  # accounts in one file: a web process writes them in about a second
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def answer(request: HttpRequest, accounts: QuerySet[Account], file_format: str) -> HttpResponse:
    """Answer with a file of the accounts in this order, "csv" or "xlsx"; of more than MOST, with the list, which says so."""
    now, ids = timezone.now(), export_rows.ids_of(accounts[: MOST + 1])
    if len(ids) > MOST:
        text = gettext("More than %(most)s accounts match: filter the list, and export it in parts.")
        messages.error(request, text % {"most": number(MOST)})
        return HttpResponseRedirect(request.get_full_path())
    seen = Account.objects.visible_to(request.user)
    rows = export_rows.rows(seen, ids, names_for(request.user), now)
    content = export_sheets.write(rows) if file_format == "xlsx" else export_rows.as_csv(rows)
    response = HttpResponse(content, content_type=_TYPES[file_format])
    name = f"social-accounts-{timezone.localdate(now):%Y-%m-%d}.{file_format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
