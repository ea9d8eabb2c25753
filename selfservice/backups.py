"""Whether one's log-ins may back up further accounts: who asks, for which accounts, Agree or Decline for all or each."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.asks import backing_up, queries
from ui.phrases import phrase
from users import roles
from users.models import person
from users.visibility import names_for

say = partial(phrase, "words/my_backups.txt")
MOST = 500  # on one page; the others come when these are answered


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def requests(request: HttpRequest) -> HttpResponse:
    """List what the person is asked (GET); take the answer to those that the page names (POST).

    Auditors may decline; 403 if they agree.
    """
    if request.method == "POST":
        return _answer(request)
    user = person(request)
    names = names_for(user)
    rows = [(one, names.user(one.ask.made_by)) for one in queries.to_back_up(user)[:MOST]]
    return render(request, "selfservice/backup_requests.html", {"rows": rows})


def _ids(request: HttpRequest, name: str) -> list[int]:
    return [int(pk) for pk in request.POST.getlist(name) if pk.isascii() and pk.isdigit() and len(pk) < 19]


def _answer(request: HttpRequest) -> HttpResponse:
    ids = _ids(request, "request")
    agree = "agree" in request.POST
    if not agree and "decline" not in request.POST:
        return redirect("backup_requests")
    user = person(request)
    if agree and roles.only_looks(user):
        raise PermissionDenied
    answered = backing_up.answer(person=user, line_ids=ids[:MOST], agree=agree, now=timezone.now())
    done = answered.number - answered.too_late
    if not answered.number:
        messages.info(request, say("answered_already"))
    if done:
        messages.success(request, say("agreed" if agree else "declined", n=done))
    if answered.too_late:
        messages.warning(request, say("too_late", n=answered.too_late))
    return redirect("backup_requests")
