"""Settings of AdToken, all from the environment (see .env.example). Nothing secret has a default."""

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from kombu import Queue
from psycopg_pool.base import AttemptWithBackoff

from adtoken_project import env
from adtoken_project.version import VERSION
from adtoken_project.workers import lanes
from portal.theme import UNFOLD as UNFOLD
from tokens.channels import declarations

django_stubs_ext.monkeypatch()  # before any app declares `ModelAdmin[Token]`

BASE_DIR = Path(__file__).resolve().parent.parent

# --- What this installation is ---------------------------------------------------------------------------------
DEMO = env.flag("DEMO", default=False)
DEBUG = env.flag("DEBUG", default=False)
BASE_URL = env.text("BASE_URL").rstrip("/")
BASE_HOST = urlsplit(BASE_URL).hostname or ""
SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = [BASE_HOST, *env.names("ALLOWED_HOSTS")]
RELEASE = env.text("RELEASE", "") or VERSION  # what runs here, as whoever installed it calls it
OPERATOR_EMAILS = env.names("OPERATOR_EMAILS")
SENTRY_DSN = env.text("SENTRY_DSN", "")  # where errors are reported to; "": nowhere
TRACES = bool(
    env.text("OTEL_EXPORTER_OTLP_ENDPOINT", "")
)  # by OpenTelemetry, which reads this and its others itself
GATE_ENGINE_SECRET = env.text("GATE_ENGINE_SECRET", "")  # what nginx shows to be told tokens; "": nobody is
METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # what Prometheus shows; "": no figures are given

# --- Apps ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ui",  # before the theme: its build of Alpine is in the place of the theme's
    "unfold.apps.BasicAppConfig",  # the site is ours, see portal.site
    "portal.apps.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "django_celery_beat",
    "ninja",  # the scripts of the page /api/v1/docs
    "users",
    "tokens",
    "notifications",
    "accounts",
    "macros",
    "selfservice",
    "portal.apps.PortalConfig",
    "adtoken_project",  # last: it composes what the apps define
]

MIDDLEWARE = [
    "adtoken_project.telemetry.request_ids.RequestIdMiddleware",  # before all: their lines carry the id
    "adtoken_project.api.middleware.ApiMiddleware",  # answers below /api/; what follows is for pages
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "users.login.middleware.PrivatePagesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "users.login.middleware.LanguageMiddleware",
    "ui.middleware.OddAddressMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "users.login.middleware.SessionLimitsMiddleware",
    "users.installation.views.HoldMiddleware",
    "users.login.middleware.SecondFactorMiddleware",
    "users.login.middleware.TimeZoneMiddleware",
]

ROOT_URLCONF = "adtoken_project.urls"
WSGI_APPLICATION = "adtoken_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "users.installation.views.context",
                "users.company.views.context",
            ],
            # What nearly every template uses, so that none has to load it.
            "builtins": [
                "django.contrib.humanize.templatetags.humanize",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "ui.phrases",
                "ui.templatetags.ui",
            ],
        },
    },
]

DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # of a form: that of a macro names each account that it was applied to

# What people upload may hold log-ins: it stays in memory, and nothing of it is written to a disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 4_000_000  # bytes of one request; of what is bigger nothing is kept

# --- Database and cache ----------------------------------------------------------------------------------------
_DATABASE = env.database("DATABASE_URL")
DATABASES = {"default": _DATABASE}
_DATABASE |= {
    "ENGINE": "django.db.backends.postgresql",
    "ATOMIC_REQUESTS": False,  # no call to a channel or mail server may run inside a transaction
    "CONN_MAX_AGE": 0,  # the pool keeps the connections
    "DISABLE_SERVER_SIDE_CURSORS": True,  # a PgBouncer in transaction mode would give them to others
    "CONN_HEALTH_CHECKS": True,  # a restarted PostgreSQL costs no answer
    "OPTIONS": {
        **_DATABASE.get("OPTIONS", {}),  # what the address says: sslmode, sslrootcert
        "pool": {
            "min_size": 1,
            "max_size": env.whole("DATABASE_POOL", default=8, least=1),
            "max_idle": 60,  # seconds after which one that nobody needs is closed
            "timeout": 10,
            "reconnect_timeout": 10,
        },
        "prepare_threshold": 5,  # of the event loop's statements alone; PgBouncer keeps track of it from 1.22 on
    },
    "TEST": {"TEMPLATE": "template0"},
}
# Between two tries to connect, and between two connections of a pool that a restart has ended, of which a thread may meet all in turn:
# by its own measure the pool pauses 1, 2, 4 ... seconds.
AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.1, 1.0
DATABASE_APP_ROLE = env.text("DATABASE_APP_ROLE", "")  # where `migrate` runs as another role: gets its rights
API_CALLS_A_MINUTE = env.whole(
    "API_CALLS_A_MINUTE", default=30_000
)  # of one key, in each web process; 0: any number
HISTORY_DAYS = env.whole("HISTORY_DAYS", default=400, least=90)  # time-lines, mails, what people were told
RECORDS_DAYS = env.whole("RECORDS_DAYS", default=400, least=30)  # of tokens handed out, and of log-ins
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis("REDIS_URL")
CACHES = {
    # In PostgreSQL: limits on guessing, which hold whether Redis or Valkey answers or not.
    "default": {"BACKEND": "users.login.limits.LimitCounts"},
    # What all processes know of the calls to channels. One that is away must not hold a call up.
    "calls": {
        "BACKEND": "infra.cache.TellingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "calls",  # Celery's queue lies in the same database
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    },
}
SESSION_ENGINE = "users.sessions.services"  # server-side: it holds the handshake's state. The table holds hashes of the ids

# --- Credentials of the channels -------------------------------------------------------------------------------
FERNET_KEYS = env.names("FERNET_KEYS")  # newest first; checked when the tokens app starts
# Names of keys that are lost for good: what they sealed stays closed, and no health page complains about it.
FERNET_KEYS_LOST = env.names("FERNET_KEYS_LOST")
FERNET_USE_HKDF = False  # the keys are real Fernet keys, so any tool can read or rotate

# --- Channels: addresses are settings, so that the stand-ins of sandbox/ differ in nothing else ------------------
# Each package declares its own; FACEBOOK_URL and its like are one address in place of a channel's several: the sandbox's.
_CHANNELS = declarations.declared().values()
_OF_CHANNELS = {
    **{name: env.address(name, own) for one in _CHANNELS for name, own in one.addresses.items()},
    **{one.versions.setting: env.text(one.versions.setting, one.versions.default) for one in _CHANNELS},
}
vars().update(_OF_CHANNELS)
# Where consent pages are: browsers must be allowed to leave for them.
_CONSENT_PAGES = [urlsplit(_OF_CHANNELS[one.consent]) for one in _CHANNELS]
CONSENT_ORIGINS = sorted({f"{page.scheme}://{page.netloc}" for page in _CONSENT_PAGES})
# Where the last page of a client link that was made by API may lead.
ASK_RETURN_ORIGINS = env.origins("ASK_RETURN_ORIGINS")
CHANNEL_TIMEOUT = 10  # seconds for one call to a channel
# Processes of a web server, and the threads of each, as gunicorn is told: half of these at most wait for channels.
WEB_CONCURRENCY = env.whole("WEB_CONCURRENCY", default=4, least=1)
# Networks, though private, that webhooks may be sent to.
WEBHOOK_NETWORKS = env.networks("WEBHOOK_NETWORKS", default="127.0.0.0/8" if DEMO else "")
WEB_THREADS = env.whole("WEB_THREADS", default=4, least=1)
REFRESH_TIMEOUT = 120  # seconds for a refresh: an answer that is not waited for may cost the log-in
REPORT_PROBE_TIMEOUT = 5  # seconds in which a report is confirmed or answered "retry later"

# --- People ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": "users.login.passwords.EasyWordsValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "my_accounts"
ACCOUNT_ADAPTER = "users.login.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
# No code by mail: a session left open often has its mailbox beside it.
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "mfa"}
ACCOUNT_FORMS = {"reset_password": "users.login.passwords.ResetPasswordForm"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# All limits on guessing, beside the library's own. Wrong passwords: see users/login/limits.py.
ACCOUNT_RATE_LIMITS = {
    "password_here": "5/300s/key",
    "password_device": "10/3600s/key",
    "password_anywhere": "50/900s/key",
    "password_address": "10/m/ip",
    # Links that need no log-in here: presses of one link, and of one address, which an office shares. See portal/access.py.
    "link_pressed": "20/3600s/key",
    "link_address": "1000/3600s/ip",
    # Beginnings of a log-in at the company's provider: each may ask it once. An office shares an address.
    "company_address": "100/m/ip",
}
ACCOUNT_EMAIL_VERIFICATION = "none"  # an accepted invitation has verified the address
ACCOUNT_EMAIL_NOTIFICATIONS = True  # mails on password and second-factor changes
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # else anybody could have us write to strangers
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(BASE_URL).scheme
SOCIALACCOUNT_ADAPTER = "selfservice.adapters.LinkAdapter"
SOCIALACCOUNT_STORE_TOKENS = False  # ours are sealed in tokens.Token; allauth would keep them in clear
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5  # seconds for one call to the company's log-in
MFA_ADAPTER = "users.login.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
# The company's log-in: an OpenID provider by these three, or none. It is no app of allauth's registry, which is the channels'.
OIDC_URL = env.text("OIDC_URL", "").rstrip("/")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET", "")
OIDC_ONLY = env.flag("OIDC_ONLY", default=False)  # no passwords, but for superusers
OIDC_NEW_PEOPLE = env.flag("OIDC_NEW_PEOPLE", default=False)  # makes whom it does not know, without rights
OIDC_SECOND_FACTOR = env.names("OIDC_SECOND_FACTOR")  # values of the claim `amr` that stand for our own
OIDC_GROUPS = env.options("OIDC_GROUPS")  # group: {"role": ..., "team": ...}
OIDC_GROUPS_CLAIM = env.text("OIDC_GROUPS_CLAIM", "groups")
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", default=True)
INVITATION_DAYS = 7

# --- Browser -----------------------------------------------------------------------------------------------------
_SECURE = BASE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS: list[str] = []  # own origin only: allauth takes listed origins for safe redirects
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
# By this name a browser takes them from this host alone, by https: no sub-domain can plant one.
_HOST_ONLY = "__Host-" if _SECURE else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_HOST_ONLY}sessionid", f"{_HOST_ONLY}csrftoken"
DEVICE_COOKIE_NAME = f"{_HOST_ONLY}device"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # what was done is no cookie
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would break the return from a channel
SESSION_COOKIE_AGE = (
    14 * 24 * 3600
)  # from the log-in, however much it is used; staff's end sooner: users/sessions/services.py
SECURE_SSL_REDIRECT = _SECURE and not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^healthz$"]  # probes come from inside, by plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
# For sub-domains and for the browsers' own lists it would bind other sites of the owner.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# How many proxies are in front, whose word on scheme and address is taken.
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXIES", default=int(_SECURE))
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {  # portal.site loosens it where the theme needs that
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        # Browsers hold redirects after a form to this too, so the channels' consent pages are named.
        "form-action": ["'self'", *CONSENT_ORIGINS],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    },
}

# --- Mail --------------------------------------------------------------------------------------------------------
# The services that anymail knows, by its names; SES and Resend need a package more (docs/mail.md).
MAIL_SERVICES = (
    "amazon_ses", "brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "postmark", "resend", "sendgrid",
    "sparkpost", "unisender_go",
)  # fmt: skip
# A mail service whose reports are taken, as anymail calls it; with EMAIL_URL=service:// it delivers by its API, too.
MAIL_SERVICE = env.choice("MAIL_SERVICE", default="", choices=("", *MAIL_SERVICES))
MAIL_WEBHOOK_SECRET = env.text("MAIL_WEBHOOK_SECRET", "")  # user:password by which its reports come
ANYMAIL = {
    **env.options("MAIL_SERVICE_OPTIONS"),
    "WEBHOOK_SECRET": [MAIL_WEBHOOK_SECRET] if MAIL_WEBHOOK_SECRET else [],
}
vars().update(env.mail("EMAIL_URL", service=MAIL_SERVICE))
MAIL_BY_SERVICE = env.text("EMAIL_URL").startswith("service://")
EMAIL_TIMEOUT = 30  # a short one makes duplicates: the server may have taken the mail already
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"AdToken <adtoken@{BASE_HOST}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Who runs this installation, as strangers read it: on the page and in the mail of a client link. "": the team and the asker alone.
ORGANISATION_NAME = env.text("ORGANISATION_NAME", "")
CONTACT_EMAIL = env.text(
    "CONTACT_EMAIL", ""
)  # whom answers to mails reach; "": the team's leads, else an operator

# --- Background work ---------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {  # a Valkey that is away must not hold the caller: the sweep does the work later
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,  # one that is frozen, too
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # else a killed pool child loses its task silently
# No soft limit: it would drop answers of channels that are on their way. Work watches its own clock; this one is for pools of processes,
# and for what hangs for ever.
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in lanes.QUEUES]
CELERY_TASK_DEFAULT_QUEUE = lanes.MAIL
CELERY_TASK_ROUTES = lanes.ROUTES
CELERY_TASK_CREATE_MISSING_QUEUES = False  # nobody would take from a queue that no lane names
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
MACROS_HOUR = env.whole("MACROS_HOUR", default=7, most=23)  # local hour from which today's evaluation may run

# --- Language, time, files ---------------------------------------------------------------------------------------
# Of whoever has not chosen one, of addresses outside, and of what has no reader. The API is English.
LANGUAGE_CODE = env.choice("DEFAULT_LANGUAGE", default="en-gb", choices=("en-gb", "de"))
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
TIME_ZONE = env.text("TIME_ZONE", "Europe/Berlin")
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "adtoken_project.formats"  # dates in the theme's lists look like our own
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # serves from the apps' folders what was not collected
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "adtoken_project.web.static_files.CollectedOrNot"},
}

LOG_LEVEL = env.choice("LOG_LEVEL", default="info", choices=("debug", "info", "warning", "error")).upper()
# Lines of Celery that say every few seconds that nothing is wrong: a task was sent, came, came too late, ended well. What fails is said.
_ROUTINE = ("celery.beat", "celery.worker.strategy", "celery.worker.request", "celery.app.trace")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no_secrets": {"()": "infra.scrub.LogFilter"},
        "not_quiet": {"()": "infra.request_logs.RequestFilter"},
    },
    "formatters": {
        "line": {
            "()": "adtoken_project.telemetry.logs.formatter",
            "form": env.choice("LOG_FORMAT", default="text", choices=("text", "json")),
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_secrets"],
            "level": LOG_LEVEL,  # here, too: Celery sets the level of the root logger by its own --loglevel
        },
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": "INFO"},
        "django.request": {"filters": ["not_quiet"]},
        "httpx2": {"level": "WARNING"},  # its INFO lines hold whole addresses
        "httpcore2": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        **{name: {"level": "INFO" if LOG_LEVEL == "DEBUG" else "WARNING"} for name in _ROUTINE},
    },
}
