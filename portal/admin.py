"""The staff portal: each subject's module registers its own ModelAdmin; this one is found by Django's autodiscovery."""

from django.contrib import admin
from django_celery_beat import models as beat

from portal import (  # noqa: F401  # they register themselves
    accounts,
    api_keys,
    asks,
    channel_apps,
    invitations,
    link_problems,
    login_records,
    macros,
    messages,
    mutes,
    parked_addresses,
    people,
    teams,
    tokens,
    unknown_answers,
)

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
