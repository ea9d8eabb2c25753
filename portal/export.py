"""Accounts as a file: few come at once, many are made by a worker, with a page that says how far it is."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from accounts import export_rows, exporting, jobs, tasks
from accounts.models import Account, AccountExport
from portal import access
from ui import progress
from users import asking_workers
from users.models import person
from users.visibility import names_for

AT_ONCE = 1_000  # accounts that a web process writes itself, in about a tenth of a second
_TYPES: dict[str, str] = {
    AccountExport.Format.CSV: "text/csv; charset=utf-8",
    AccountExport.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LATE = 60.0  # seconds after which an export that nobody has begun waits for a worker


def urls() -> list[URLPattern]:
    """Return the addresses of an export's page and of its file."""
    views = [("", "", show), ("file/", "_file", download)]
    return [
        path(
            f"exports/<int:export_id>/{tail}",
            admin.site.admin_view(require_GET(view)),
            name=f"accounts_account_export{name}",
        )
        for tail, name, view in views
    ]


def answer(request: HttpRequest, accounts: QuerySet[Account]) -> StreamingHttpResponse | HttpResponseRedirect:
    """Answer with a CSV file of the accounts in this order; where they are many, with the way to the page of an export."""
    now, ids = timezone.now(), export_rows.ids_of(accounts[: AT_ONCE + 1])
    if len(ids) <= AT_ONCE:
        seen = Account.objects.visible_to(request.user)
        text = export_rows.head() + export_rows.page(seen, ids, names_for(request.user), now)
        return _file([text.encode()], now)
    return begin(request, accounts, AccountExport.Format.CSV)


def begin(
    request: HttpRequest, accounts: QuerySet[Account], file_format: AccountExport.Format
) -> HttpResponseRedirect:
    """Have a worker make the file, and lead to the page that says how far it is."""
    export, is_new = exporting.start(
        user=person(request), accounts=accounts, now=timezone.now(), file_format=file_format
    )
    if is_new:
        asking_workers.ask(tasks.make_exports)
    else:
        messages.info(
            request, gettext("One export of yours is being made already. Ask again once it is ready.")
        )
    return HttpResponseRedirect(reverse("admin:accounts_account_export", args=[export.pk]))


def show(request: HttpRequest, export_id: int) -> HttpResponse:
    """Show how far an export is, and its file once it is made."""
    export = _export(request, export_id)
    going = export.state in jobs.GOING
    waited = (timezone.now() - export.created_at).total_seconds()
    late = export.state == AccountExport.State.WAITING and waited > LATE
    context: dict[str, Any] = {
        **access.frame_of(Account)(request),
        "title": str(export),
        "export": export,
        "going": going,
        "late": late,
        "failed": export.state == AccountExport.State.FAILED,
        "gone_at": (export.ended_at or export.created_at) + exporting.KEPT_FOR,
        "list_url": reverse("admin:accounts_account_changelist"),
        "file_url": reverse("admin:accounts_account_export_file", args=[export.pk]),
    }
    page = TemplateResponse(request, "portal/export.html", context)
    return progress.open_again(page) if going else page


def download(request: HttpRequest, export_id: int) -> StreamingHttpResponse:
    """Answer with the file. 404 until it is made."""
    export = _export(request, export_id)
    if export.state != AccountExport.State.READY:
        raise Http404(gettext("This export is not made yet."))
    return _file(exporting.content(export), export.created_at, export.file_format)


def _export(request: HttpRequest, export_id: int) -> AccountExport:
    access.require(request)
    found = next((one for one in exporting.of_person(person(request)) if one.pk == export_id), None)
    if found is None:
        raise Http404(gettext("There is no such export. An export is kept for a day."))
    return found


def _file(parts: Any, at: datetime, file_format: str = AccountExport.Format.CSV) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=_TYPES[file_format])
    response["Content-Disposition"] = (
        f'attachment; filename="social-accounts-{timezone.localdate(at):%Y-%m-%d}.{file_format}"'
    )
    return response
