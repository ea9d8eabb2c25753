"""The Celery application. Tasks are doorways into services; PostgreSQL holds every fact, Valkey only carries the calls."""

import os
import sys

from celery import Celery

from adtoken_project import env, signs_of_life  # noqa: F401  # importing the signs connects their signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

if (
    "celery" in sys.argv[0]
):  # the settings are read deep inside Celery's command, where nobody of ours can catch
    sys.excepthook = env.tell_in_one_line

app = Celery("adtoken")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
