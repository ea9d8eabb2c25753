"""Addresses that are not photographed, and why."""

_LEADS = "leads elsewhere"
_POSTED = "does something and leads back: it is only posted to"
_PROGRAMS = "read by programs, or by a script of a page that is here"
_FILE = "a file"
_REFUSED = "a page of Django's that is refused to everybody: such rows are not made, changed or deleted there"

# Confirm pages: one template, ui/confirm.html, of which `admin-ask`, `admin-unlink`, `admin-bulk-ask` show every part.
_CONFIRM = "asks as other pages do, with other words"
CONFIRMS = (
    "activate", "on-it-back", "check", "end", "end-sessions", "lead", "on-it", "release", "renew", "reset-second-factor",
    "revoke", "send-again", "stop", "take-over",
)  # fmt: skip

# As the resolver writes them; a star stands for any text.
WITHOUT: dict[str, str] = {
    **{f"*/{last}/": _CONFIRM for last in CONFIRMS},
    "admin/accounts/account/bulk/*": _CONFIRM,
    "admin/*/history/": "as `admin-macro-history`",
    "^api/*": _PROGRAMS,
    "api/v1/*": _PROGRAMS,
    "api/scim/*": _PROGRAMS,
    "livez": _PROGRAMS,
    "readyz": _PROGRAMS,
    "healthz": _PROGRAMS,
    "metrics": _PROGRAMS,
    "mail/events/<str:service>/": _PROGRAMS,
    "push/*": _PROGRAMS,
    "admin/autocomplete/": _PROGRAMS,
    "admin/jsi18n/": _PROGRAMS,
    "admin/macros/macro/preview/": _PROGRAMS,
    "admin/search/": "what is found, within the page `admin-start-search`",
    "channels.css": _FILE,
    "accounts/2fa/recovery-codes/download/": _FILE,
    "admin/accounts/account/import/template.*": _FILE,
    "i18n/setlang/": _POSTED,
    "accounts/company/": _POSTED,
    "accounts/company/again/": "needs a provider: `test_walk_company.py` walks there",
    "accounts/company/callback/": "needs a provider: `test_walk_company.py` walks there",
    "admin/test-mail/": _POSTED,
    "admin/accounts/account/<int:account_id>/automatic/": _POSTED,
    "admin/accounts/account/<int:account_id>/check/": _POSTED,
    "admin/accounts/account/<int:account_id>/tokens/<int:token_id>/check/": _POSTED,
    "admin/accounts/account/<int:account_id>/tokens/<int:token_id>/move/": _POSTED,
    "admin/tokens/channelapp/<int:app_id>/test/": _POSTED,
    "my/<int:account_id>/check/": _POSTED,
    "renew/<signed>/again/": _POSTED,
    "renew/<signed>/opened/": _POSTED,
    "link/*/callback/": "where channels send people back to: leads on, or shows what went wrong as `too-late-at-channel` does",
    "accounts/2fa/authenticate/": "comes after the password of the log-in: `second-factor-asked`",
    "accounts/3rdparty/signup/": _LEADS,
    "accounts/*confirm-email/*": _LEADS,
    "accounts/email/": _LEADS,
    "accounts/password/set/": _LEADS,
    "accounts/3rdparty/": _LEADS,
    "accounts/login/code/confirm/": _LEADS,
    "accounts/reauthenticate/code/*": "refused to everybody: the password or the second factor is asked for",
    "admin/(?P<url>.*)$": _LEADS,
    "admin/*<path:object_id>/": _LEADS,
    "admin/login/": _LEADS,
    "admin/accounts/account/add/": _LEADS,
    "admin/logout/": _LEADS,
    "admin/^(?P<app_label>*": _LEADS,
    "admin/password_change/*": _LEADS,
    "admin/r/*": _LEADS,
    "admin/accounts/linkproblem/*": _REFUSED,
    "admin/macros/endpoint/*/edit/": "as `admin-webhook-make`",
    "admin/macros/endpoint/*/remove/": _CONFIRM,
    "admin/macros/endpoint/*": _POSTED,
    "admin/macros/mute/*": _REFUSED,
    "admin/notifications/message/*": _REFUSED,
    "admin/users/invitation/*": _REFUSED,
    "admin/tokens/channelapp/<path:object_id>/delete/": _REFUSED,
    "admin/users/loginrecord/*": _REFUSED,
    "admin/users/refusedaddress/*": _REFUSED,
    "admin/users/user/add/": _REFUSED,
}
