"""Who may open what in the portal: 403 without the permission, 404 for what one may not see; and what pages of mailed links share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from allauth.core import ratelimit
from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from accounts.models import Account, AccountToken
from accounts.pool.permissions import VIEW as VIEW
from notifications.models import Message
from ui import stored_phrases as kept
from users.login import second_factor
from users.models import Team, User, person


def require(request: HttpRequest, *permissions: str) -> None:
    """Raise PermissionDenied unless the person may see accounts and holds the permissions named."""
    if not request.user.has_perms([VIEW, *permissions]):
        raise PermissionDenied


# The theme's templates hold inline styles. Pages outside the portal's frame keep the strict policy.
allow_theme = csp_update({"style-src": [SELF, UNSAFE_INLINE]})


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what every page of the portal shows around its content: menu, title of the site, the viewer's name."""
    return {**admin.site.each_context(request), "base": "portal/base.html"}


def frame_of(about: Model | type[Model], list_url: str = "") -> Callable[[HttpRequest], dict[str, Any]]:
    """Return `frame` with the path above a page about a row, or about rows of a list (`list_url`: the list as one left it)."""
    return lambda request: {**frame(request), "about": about, "list_url": list_url}


def frame_of_start(request: HttpRequest) -> dict[str, Any]:
    """Return `frame` with the path above a step of the start page, which is about no single list."""
    return {**frame(request), "path": [(gettext("Start"), reverse("admin:index"))]}


def stand_at(request: HttpRequest, path: str) -> None:
    """Have the sidebar show that a page belongs to that of `path`, where its own address does not say so. Before the page is framed."""
    request.place = path  # type: ignore[attr-defined]  # ours


def frame_for_both(
    request: HttpRequest,
    title: str | Promise,
    *,
    about: Model | None = None,
    path: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return what stands around a page that marketers and staff share: staff have the portal's frame. `home` is where it leads back to.

    `about`: the account whose page leads here; `path`: what stands above it in the portal (words, address), else the list of accounts.
    """
    user, home = request.user, reverse("admin:accounts_account_changelist")
    if not (
        isinstance(user, User) and user.is_staff and user.has_perm(VIEW) and second_factor.suffices(request)
    ):
        return {"home": reverse("my_accounts"), "home_words": gettext("Go to my accounts")}
    above: dict[str, Any] = {"path": path}
    if path is None:
        stand_at(request, home)
        above = {"about": about or Account, "crumb": title}
    return {
        **frame(request),
        **above,
        "title": title,
        "home": home,
        "home_words": gettext("Social Accounts"),
        "layout": "portal/shared_page.html",
        "framed": True,
    }


def render_for_both(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render such a page, with the policy that fits its frame."""
    return give_policy(render(request, template, context, status=status), context)


def give_policy(answer: HttpResponse, context: Mapping[str, Any]) -> HttpResponse:
    """Allow an answer what the theme needs, where `context` is that of a page in the portal's frame."""
    if "framed" in context:
        allow_theme(lambda _: answer)(HttpRequest())
    return answer


def log_change(request: HttpRequest, changed: Model, block: str, /, **facts: object) -> None:
    """Note in the portal's log what the person did to a row: a phrase of words/history.txt, said in the language of whoever reads it."""
    said = kept.keep("words/history.txt", block, **facts)
    LogEntry.objects.log_actions(person(request).pk, [changed], CHANGE, said, single_object=True)


def account(request: HttpRequest, account_id: int) -> Account:
    """Return an account that the person sees, with its pool. Raises Http404."""
    visible = Account.objects.visible_to(request.user).with_pools().select_related("paused_by")
    found = visible.filter(pk=account_id).first()
    if found is None:
        raise Http404(gettext("There is no such account."))
    return found


def entry(account: Account, token_id: int) -> AccountToken:
    """Return the account's pool entry of this token. Raises Http404."""
    for one in account.pool.all():
        if one.token_id == token_id:
            one.account = account
            return one
    raise Http404(gettext("This token is not linked to the account."))


def rows_of_known_addresses[Row: Model](rows: QuerySet[Row], viewer: User) -> QuerySet[Row]:
    """Keep the rows whose `email` a member of staff may know of: of their people, and where mails of their teams went to."""
    if viewer.sees_all_teams or viewer.is_administrator:
        return rows
    teams = Team.objects.filter(memberships__user=viewer.pk).values("pk")
    mailed = Message.objects.filter(recipient=OuterRef("email"), team__in=teams)
    return rows.filter(Q(email__in=User.objects.visible_to(viewer).values("email")) | Exists(mailed))


# --- pages that a mailed link opens without a log-in


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a page whose address is a secret out of caches, and that address out of reports."""
    return never_cache(sensitive_variables("signed")(view))


def may_press(request: HttpRequest, key: str) -> bool:
    """Return whether a link may be pressed once more, and count it: whoever a mail is forwarded to has its links, too.

    `key`: names the link, or the log-in that it is of. The link comes first: what it refuses is not counted for the network address, which
    a whole office may share.
    """
    pressed = ratelimit.consume(request, action="link_pressed", key=key)
    return bool(pressed and ratelimit.consume(request, action="link_address"))


def too_often(request: HttpRequest) -> HttpResponse:
    """Refuse what was pressed too often."""
    answer = render(request, "selfservice/renew/too_often.html", status=429)
    answer["Retry-After"] = "3600"
    return answer
