"""Every page that is photographed: its name, who looks at it, its address, what it answers, and what is done there first.

What stands in braces is a fact that tests/e2e/fleet.py prints. tests/project/test_photographed.py holds that no address is forgotten: each
is here, or in tests/e2e/pages_without.py with the reason why there is nothing to see.
"""

from typing import NamedTuple

BOSS, MARKETER, NOTHING, NEW = "boss", "marketer", "nothing", "new"
NOBODY, CLIENT, CLIENT_DONE, RENEWED = "nobody", "client", "client_done", "renewed"
CAREFUL = "careful"  # has a second factor and a security key

ACCOUNT = "/admin/accounts/account/"
USER = "/admin/users/user/"


class Shot(NamedTuple):
    """One photograph. `then`: what is done on the page before it is taken, a function of tests/e2e/inspector.py."""

    name: str
    who: str
    path: str
    status: int = 200
    then: str = ""


def _staff(rows: str) -> list[Shot]:
    """Read lines of name, path and what else there is, as the boss sees it."""
    return [_shot(BOSS, line.split()) for line in rows.strip().splitlines()]


def _shot(who: str, parts: list[str]) -> Shot:
    name, path, *more = parts
    status = next((int(one) for one in more if one.isdigit()), 200)
    return Shot(name, who, path, status, next((one for one in more if not one.isdigit()), ""))


def _seen_by(who: str, rows: str) -> list[Shot]:
    return [_shot(who, line.split()) for line in rows.strip().splitlines()]


START = _staff("""
admin-start                     /admin/
admin-start-search              /admin/ search
admin-ask-due                   /admin/ask-due/
admin-why                       /admin/why/
admin-why-answer                /admin/why/?address={marketer}&account={account_native}
""")

LISTS = _staff("""
admin-accounts                  /admin/accounts/account/
admin-accounts-selected         /admin/accounts/account/ select
admin-import                    /admin/accounts/account/import/
admin-import-checked            /admin/accounts/account/import/{import_file}/
admin-tokens                    /admin/tokens/token/
admin-token-system-user         /admin/tokens/token/system-user/
admin-api-keys                  /admin/accounts/apikey/
admin-api-key-make              /admin/accounts/apikey/add/
admin-webhooks                  /admin/macros/endpoint/
admin-webhook-make              /admin/macros/endpoint/add/
admin-webhook                   /admin/macros/endpoint/{webhook}/change/
admin-handed-out                /admin/accounts/apikey/handed-out/?account={account}
""")

ACCOUNTS = _staff("""
admin-account                   /admin/accounts/account/{account}/
admin-account-line              /admin/accounts/account/{account}/time-line/
admin-account-messages          /admin/accounts/account/{account}/time-line/?line=messages
admin-account-macros            /admin/accounts/account/{account}/macros/
admin-account-dark              /admin/accounts/account/{dark}/
admin-account-quiet             /admin/accounts/account/{snoozed}/
admin-pause                     /admin/accounts/account/bulk/pause/?account={account}
admin-move                      /admin/accounts/account/bulk/move/?account={account}
admin-connect                   /admin/accounts/account/{account}/connect/
admin-connected                 /admin/accounts/account/{account}/connect/ submit
admin-ask                       /admin/accounts/account/{account}/tokens/{token}/ask/
admin-backup                    /admin/accounts/account/bulk/backup/?account={reached}
admin-unlink                    /admin/accounts/account/{account}/tokens/{token}/unlink/
""")

MANY = _staff("""
admin-bulk-ask                  /admin/accounts/account/bulk/ask/?ids={ids}
admin-job-under-way             /admin/accounts/account/jobs/{job_going}/
admin-job                       /admin/accounts/account/jobs/{job}/
admin-my-jobs                   /admin/accounts/account/jobs/
admin-job-offboarding           /admin/accounts/account/jobs/{job_offboarding}/
admin-asks                      /admin/accounts/ask/
admin-ask-board                 /admin/accounts/ask/{ask}/change/
admin-ask-of-tokens             /admin/tokens/token/ask/?across=1
""")

MACROS = _staff("""
admin-macros                    /admin/macros/macro/
admin-macro-create              /admin/macros/macro/add/
admin-macro-errors              /admin/macros/macro/add/ save_nothing
admin-macro                     /admin/macros/macro/{macro}/change/
admin-macro-edited              /admin/macros/macro/{macro}/change/ edit_macro
admin-macro-at-once             /admin/macros/macro/{macro_at_once}/change/
admin-macro-history             /admin/macros/macro/{macro}/history/
admin-macro-delete              /admin/macros/macro/{macro}/delete/
admin-messages                  /admin/notifications/message/
admin-message                   /admin/notifications/message/{message}/change/
admin-parked                    /admin/users/refusedaddress/
admin-snoozed                   /admin/macros/mute/
""")

CHANNELS = _staff("""
admin-channel-apps              /admin/tokens/channelapp/
admin-channel-app               /admin/tokens/channelapp/{app}/change/
admin-channel-app-add           /admin/tokens/channelapp/add/
admin-channel-app-ask           /admin/tokens/channelapp/{app_old}/ask/
admin-app-in-doubt              /admin/tokens/channelapp/{app_old}/change/
admin-app-believe               /admin/tokens/channelapp/{app_old}/believe/
admin-unknown-answers           /admin/tokens/unknownanswer/
admin-unknown-answer            /admin/tokens/unknownanswer/{answer}/change/
admin-failed-links              /admin/accounts/linkproblem/
admin-failed-link               /admin/accounts/linkproblem/{problem}/change/
""")

PEOPLE = _staff("""
admin-users                     /admin/users/user/
admin-user                      /admin/users/user/{person}/change/
admin-user-delete               /admin/users/user/{deletable}/delete/
admin-offboard                  /admin/users/user/{person}/offboard/
admin-teams                     /admin/users/team/
admin-team                      /admin/users/team/{team}/change/
admin-team-closed               /admin/users/team/{team}/change/ close_team
admin-team-add                  /admin/users/team/add/
admin-team-delete               /admin/users/team/{team_empty}/delete/
admin-invitations               /admin/users/invitation/
admin-invite                    /admin/users/invitation/add/
admin-invitation                /admin/users/invitation/{invitation}/change/
admin-log-ins                   /admin/users/loginrecord/
admin-not-found                 /admin/accounts/account/999999999/ 404
""")

EMPTY = _seen_by(
    NOTHING,
    """
empty-my-accounts               /
empty-admin-start               /admin/
empty-admin-accounts            /admin/accounts/account/
""",
)

MINE = _seen_by(
    MARKETER,
    """
my-accounts                     /
my-account                      /my/{account}/
my-account-dark                 /my/{dark}/
re-authenticate                 /my/{account}/reauthenticate/
my-log-ins                      /my/log-ins/
my-log-ins-remove               /my/log-ins/remove/?log_in={token}&log_in={x_log_in}
backup-requests                 /my/backups/
add-account                     /link/
before-channel                  /link/facebook/
choose                          /link/choose/{pending}/
linked                          /link/done/?account={account}&account={second}
channel-needs                   /channels/
channel-page                    /channels/facebook/
invite-backup                   /backups/invite/?account={account}
invite-backup-all               /backups/invite/?alone=1
client-links                    /client-links/
client-links-errors             /client-links/ save_nothing
client-link                     /client-links/{link}/
profile                         /profile/
snooze-all                      /profile/snooze/
why-not-me                      /my/{account}/why/
give-up-account                 /my/{account}/give-up/
sessions                        /accounts/sessions/
why-message                     /messages/{my_message}/why/
change-password                 /accounts/password/change/
second-factor                   /accounts/2fa/
second-factor-app               /accounts/2fa/totp/activate/ confirm
log-out                         /accounts/logout/
not-allowed                     /admin/accounts/account/ 403
no-such-page                    /nowhere/ 404
""",
) + _seen_by(
    NEW,
    """
new-my-accounts                 /
""",
)

CAREFULS = _seen_by(
    CAREFUL,
    """
second-factors                  /accounts/2fa/
recovery-codes                  /accounts/2fa/recovery-codes/ confirm
recovery-codes-anew             /accounts/2fa/recovery-codes/generate/ confirm
second-factor-off               /accounts/2fa/totp/deactivate/ confirm
security-keys                   /accounts/2fa/webauthn/
security-key-add                /accounts/2fa/webauthn/add/ confirm
security-key-rename             /accounts/2fa/webauthn/keys/{security_key}/edit/ confirm
security-key-remove             /accounts/2fa/webauthn/keys/{security_key}/remove/ confirm
who-are-you                     /accounts/reauthenticate/
who-are-you-by-factor           /accounts/2fa/reauthenticate/
who-are-you-by-key              /accounts/2fa/webauthn/reauthenticate/
error-at-channel                /accounts/3rdparty/login/error/ 401
""",
) + _seen_by(NOBODY, "second-factor-asked /accounts/login/ log_in_careful")

OUTSIDE = (
    _seen_by(
        NOBODY,
        """
log-in                          /accounts/login/
log-in-wrong                    /accounts/login/ log_in_wrong
forgotten-password              /accounts/password/reset/
forgotten-password-sent         /accounts/password/reset/done/
new-password                    /accounts/password/reset/key/{reset_key}/ arrive
new-password-done               /accounts/password/reset/key/done/
inactive                        /accounts/inactive/
open-account                    /open/{account}/
sign-up                         /accounts/signup/
cancelled-at-channel            /accounts/3rdparty/login/cancelled/
invitation                      /invitation/{invitation_link}/
invitation-for-known            /invitation/{invitation_known}/
invitation-broken               /invitation/broken/ 404
give-access                     /give-access/{link_open}/
give-access-used                /give-access/{link_used}/ 410
give-access-known               /give-access/{link_known}/
renew                           /renew/{renew}/
renew-many                      /renew/{renew_many}/
renew-done-already              /renew/{renew_renewed}/
renew-expired                   /renew/{renew_expired}/ 410
mail-answer                     /mails/{mail}/
mail-again                      /mails/{snoozed_mail}/
mail-link-broken                /mails/broken/stop/ 404
deletion                        /push/facebook/deletion/{deletion}/
error-429                       /made/429
error-500                       /made/500
error-took-too-long             /made/too_long
wrong-person-at-channel         /made/somebody_else
too-late-at-channel             /made/link_error
link-sent-again                 /made/sent_again
on-hold                         /made/on_hold
""",
    )
    + _seen_by(CLIENT, "client-choose /give-access/choose/{client_list}/")
    + _seen_by(CLIENT_DONE, "client-done /give-access/done/{client_list}/")
    + _seen_by(RENEWED, "renewed /renew/done/")
)

# Photographed in both languages, in each theme and width.
MAIN = frozenset({
    "admin-start", "admin-accounts", "admin-account", "admin-account-dark", "admin-bulk-ask", "admin-job", "admin-ask-board", "admin-macro",
    "admin-user", "admin-offboard", "admin-why-answer", "my-accounts", "my-account", "re-authenticate", "add-account", "choose", "linked",
    "client-links", "invite-backup", "backup-requests", "profile", "log-in", "give-access", "client-choose", "client-done", "renew",
    "renewed",
    "mail-answer", "empty-my-accounts",
})  # fmt: skip

# These hold every part that pages and mails are made of: `make test` has axe walk them and no others.
WALKED = frozenset({
    "admin-start", "admin-accounts", "admin-account", "admin-bulk-ask", "admin-job", "admin-macro", "admin-ask-board", "my-accounts",
    "re-authenticate", "choose", "profile", "log-in", "give-access", "renew", "mail-of-macro", "mail-of-news", "mail-of-ask_asks",
})  # fmt: skip

MAIL = (
    "/admin/notifications/message/{mails[KIND][LANG]}/html/"  # of each kind that was written about the fleet
)

GROUPS = {
    "start": START,
    "lists": LISTS,
    "accounts": ACCOUNTS,
    "many": MANY,
    "macros": MACROS,
    "channels": CHANNELS,
    "people": PEOPLE,
    "empty": EMPTY,
    "mine": MINE,
    "careful": CAREFULS,
    "outside": OUTSIDE,
}
