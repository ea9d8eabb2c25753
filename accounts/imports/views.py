"""Import of accounts and log-ins from a file: upload, see what it would do, confirm; a worker does it, with a row for each line."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from accounts.imports import services
from accounts.imports.rules import COLUMNS, effect_of
from accounts.imports.tables import MOST_LINES, WORDS, ImportRefused
from accounts.jobs import views as jobs
from accounts.jobs.models import IMPORT
from accounts.models import Account, ImportFile, ImportFileLine
from accounts.pool import permissions
from portal import access
from portal.lists import tabs
from tokens.channels import declarations
from ui import confirm
from ui.addresses import id_of
from ui.confirm import Done, Page, Said
from ui.phrases import phrase
from users.models import Team, User, person

ON_A_PAGE = 100
MOST = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
Standing = ImportFileLine.Standing
# Icon and tone of what a line does.
LOOKS = {
    Standing.NEW: ("add", "good"),
    Standing.ADDS: ("link", "good"),
    Standing.HERE: ("check", "mute"),
    Standing.WRONG: ("warning", "bad"),
}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportForm(forms.Form):
    """A file, and the team of accounts whose line names none."""

    file = forms.FileField(label=gettext_lazy("CSV or XLSX file"))
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label=gettext_lazy("Team of new accounts"),
        help_text=gettext_lazy("For lines that name no team."),
        empty_label=None,
    )

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs["accept"] = ".csv,.txt,.xlsx"
        field = self.fields["team"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = viewer.teams_managed.order_by("name")
        mine = field.queryset.filter(memberships__user=viewer)
        field.initial = mine.first() or field.queryset.first()


def urls() -> list[URLPattern]:
    """Return the addresses of the upload, of its template, and of the page that asks."""
    wrap = admin.site.admin_view
    return [
        path("import/", wrap(upload), name="accounts_account_import"),
        path("import/template.xlsx", wrap(require_GET(template)), name="accounts_account_import_xlsx"),
        path("import/<int:file_id>/", wrap(check), name="accounts_account_import_check"),
    ]


@sensitive_post_parameters()
@never_cache
def upload(request: HttpRequest) -> HttpResponse:
    """Ask for a file (GET), or check and keep it, encrypted, and lead to what it would do (POST). 403 for whoever may not import."""
    access.require(request, permissions.IMPORT)
    user = person(request)
    posted = request.method == "POST"
    form = ImportForm(request.POST, request.FILES, viewer=user) if posted else ImportForm(viewer=user)
    if id_of(request.headers.get("Content-Length", "")) > MOST:  # then nothing of it was kept
        text = gettext("The file is bigger than %(most)s MB. Divide it.")
        form.fields["file"].error_messages["required"] = text % {"most": MOST // 1_000_000}
    if posted and form.is_valid():
        content, team = form.cleaned_data["file"].read(), form.cleaned_data["team"]
        try:
            file = services.keep_file(user=user, team=team, content=content, now=timezone.now())
        except ImportRefused as refused:
            for problem in refused.problems:
                form.add_error("file", str(problem))
        else:
            return HttpResponseRedirect(reverse("admin:accounts_account_import_check", args=[file.pk]))
    context = {
        **access.frame_of(Account)(request),
        "title": gettext("Import accounts"),
        "form": form,
        "one_team": user.teams_managed[:2].count() < 2,
        "channels": [str(key) for key, _ in declarations.choices()],
        "most_lines": MOST_LINES,
        "back": reverse("admin:accounts_account_changelist"),
    }
    return TemplateResponse(request, "portal/import.html", context, status=400 if form.errors else 200)


def template(request: HttpRequest) -> HttpResponse:
    """Answer with an empty file whose first line names the columns."""
    access.require(request, permissions.IMPORT)
    response = HttpResponse(services.empty_file(), content_type=_XLSX)
    response["Content-Disposition"] = 'attachment; filename="import-accounts.xlsx"'
    return response


@never_cache
def check(request: HttpRequest, file_id: int) -> HttpResponse:
    """Show what each line would do (GET), or import those that do something (POST), once. 404 for other people's files."""
    access.require(request, permissions.IMPORT)
    file = ImportFile.objects.filter(pk=file_id, user=person(request)).select_related("team").first()
    if file is None:
        raise Http404(gettext("This file is no longer here. Upload it again."))
    if (job := file.job) is not None:
        return HttpResponseRedirect(job.get_absolute_url())
    facts = _facts(request, file)
    page = Page(
        "portal/confirm/import.html",
        reverse("admin:accounts_account_import"),
        facts,
        refused="" if facts["live"] else gettext("No line of this file would change anything."),
        lines=facts["rows"],
        seen=f"import-{file.pk}",
    )

    def do(said: Said) -> Done:
        ids = file.to_do.values("pk")
        services.confirm_file(file, timezone.now())
        begun = jobs.begin_job(request, IMPORT, ids, subject_id=file.pk, note=said.note, once=page.seen)
        return Done(nothing=True, after=begun.get_absolute_url())

    return confirm.answer(request, page, do, frame=access.frame_of(Account))


def _facts(request: HttpRequest, file: ImportFile) -> dict[str, Any]:
    """Return what the page says of the file, and the lines of the tab that is open."""
    counts = dict(file.lines.order_by().values_list("standing").annotate(Count("pk")))
    chosen = request.GET.get("show", "")
    if chosen not in {*Standing.values, "all"}:
        chosen = Standing.WRONG.value if counts.get(Standing.WRONG) else "all"
    rows = file.lines.order_by("number")
    rows = rows if chosen == "all" else rows.filter(standing=chosen)
    shown = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("p"))
    order = (Standing.WRONG, Standing.NEW, Standing.ADDS, Standing.HERE)
    standings = [(one.value, one.label, counts[one]) for one in order if counts.get(one)]
    return {
        "file": file,
        "live": file.to_do.count(),
        "new": counts.get(Standing.NEW, 0),
        "wrong": counts.get(Standing.WRONG, 0),
        "tabs": tabs(standings, chosen, name="show", everything="all"),
        "rows": [_row(one) for one in shown.object_list],
        "shown": shown,
        "team": file.team,
    }


def _row(line: ImportFileLine) -> dict[str, Any]:
    """Return what the page says of one line."""
    standing = Standing(line.standing)
    icon, tone = LOOKS[standing]
    effect = effect_of(standing, brings_log_in=line.brings_log_in)
    return {
        "number": line.number,
        "name": line.name,
        "about": line.called,
        "icon": icon,
        "tone": tone,
        "label": line.get_standing_display(),
        "says": [_sentence(phrase(WORDS, code, **facts)) for code, facts in line.problems]
        or [phrase(WORDS, effect)],
    }


def _sentence(text: str) -> str:
    """Return it as a sentence; the name of a column stays as it is written."""
    return text if text.startswith(COLUMNS) else text[:1].upper() + text[1:]
