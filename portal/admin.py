"""What the apps define for the staff portal, composed and registered. Apps that extend each other's pages meet only here."""

from django.contrib import admin
from django_celery_beat import models as beat

from accounts.models import Account, ApiKey, LinkProblem
from portal import invitations, login_records, macros, messages, people, retention  # noqa: F401  # they register themselves
from portal.accounts import AccountAdmin
from portal.api_keys import ApiKeyAdmin
from portal.channel_app_pages import AppsInUse
from portal.channel_apps import ChannelAppAdmin, TokenAdmin
from portal.incidents import IncidentAdmin
from portal.link_problems import LinkProblemAdmin
from portal.macros_on_accounts import MacrosOnAccounts
from portal.tokens import TokensOfAccounts
from portal.unknown_answers import UnknownAnswerAdmin
from tokens.deaths import Incident
from tokens.models import ChannelApp, Token, UnknownAnswer

# The schedule is code (the apps' schedule.py): a row edited here could run any task by name.
for _model in (
    beat.PeriodicTask,
    beat.IntervalSchedule,
    beat.CrontabSchedule,
    beat.SolarSchedule,
    beat.ClockedSchedule,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class AccountsList(MacrosOnAccounts, AccountAdmin):
    """Social Accounts, with what macros add: a column, a filter, two bulk actions."""


class TokensList(TokensOfAccounts, TokenAdmin):
    """Authenticate Tokens of all accounts."""


class ChannelAppsList(AppsInUse, ChannelAppAdmin):
    """Channel apps, with the log-ins that use them."""


admin.site.register(Account, AccountsList)
admin.site.register(Token, TokensList)
admin.site.register(ChannelApp, ChannelAppsList)
admin.site.register(UnknownAnswer, UnknownAnswerAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(LinkProblem, LinkProblemAdmin)
admin.site.register(Incident, IncidentAdmin)
