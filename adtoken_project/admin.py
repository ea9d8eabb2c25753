"""What the apps define for the staff portal, composed and registered. Apps that extend each other's pages meet only here."""

from django.contrib import admin
from django_celery_beat import models as beat

from accounts.admin import AccountAdmin
from accounts.models import Account, ApiKey, LinkProblem
from accounts.portal.api_keys import ApiKeyAdmin
from accounts.portal.app_pages import AppsInUse
from accounts.portal.incidents import IncidentAdmin
from accounts.portal.link_problems import LinkProblemAdmin
from accounts.portal.token_list import TokensOfAccounts
from macros.on_accounts import MacrosOnAccounts
from tokens.admin import ChannelAppAdmin, TokenAdmin
from tokens.deaths import Incident
from tokens.models import ChannelApp, Token, UnknownAnswer
from tokens.unknown_admin import UnknownAnswerAdmin

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
