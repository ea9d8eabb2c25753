"""The Celery application. Tasks are doorways into services; PostgreSQL holds every fact, Valkey only carries the calls."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

app = Celery("adtoken")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
