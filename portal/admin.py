"""The staff portal's lists: each package of a subject registers its own in its `admin.py`, which is imported here."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django_celery_beat import models as beat

for _app in apps.get_app_configs():
    if Path(_app.path).parent != settings.BASE_DIR:
        continue
    for _package in iter_modules([_app.path]):
        if _package.ispkg and find_spec(f"{_app.name}.{_package.name}.admin"):
            import_module(f"{_app.name}.{_package.name}.admin")

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
