"""The WSGI entry point for gunicorn."""

import gc
import logging
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from adtoken_project import env
from tokens.channels import gate

GUNICORN_GIVES_UP = 3  # the status of a worker that cannot boot; after any other gunicorn tries for ever

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

logging.captureWarnings(capture=True)  # lines of the log, like all others
gc.disable()  # as in apps.py, and while the addresses are loaded, too
with env.told_in_one_line(GUNICORN_GIVES_UP):
    application = get_wsgi_application()
    import_module(settings.ROOT_URLCONF)  # now, and not at the first request: what is loaded here is shared
gc.freeze()
gc.enable()

gate.limit_shares(settings.WEB_THREADS)
