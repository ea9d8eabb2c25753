"""The web server as it was: every call in threads, without breaker and shares. For the control of drills/dark_channel.py."""

from django.conf import settings

from adtoken_project.web.bridge import Threads

from adtoken_project.wsgi import application as django  # isort: skip  # it sets Django up, which the rest needs
from tokens.channels import brake, gate  # isort: skip

application = Threads(django, count=settings.WEB_THREADS)
gate.limit_shares(None)
brake.TRIPS_AFTER = 10**9
