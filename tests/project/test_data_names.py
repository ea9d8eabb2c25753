"""Names that are data: rows, queues, links, bookmarks, dashboards and other programs hold them, so they outlive every change of the code.

Each list is asked of the running system and compared with its file in tests/project/data. A difference is a decision, not a mistake
by itself: what goes or changes breaks what was stored or written down under the old name. When it is meant, write the files anew with

    WRITE_DATA_NAMES=1 .venv/bin/python -m pytest -q tests/project/test_data_names.py

and say in the commit what becomes of the old names. Names of migrations are not here: they only grow.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.core.management import get_commands
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver
from django_celery_beat.models import PeriodicTask

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey, Ask
from accounts.renewal_links import services as renewal_links
from adtoken_project.api.application import api
from adtoken_project.celery import WORKS_ON_HOLD
from adtoken_project.ops import metrics as figures
from adtoken_project.workers import lanes
from macros.mutes.mails import sign_message
from notifications.models import Message
from notifications.outbox import KINDS
from tests.macros.support import lasting
from tests.support.factories import make_app, make_token, make_user
from tokens.channel_apps import models as app_models
from users.login import limits as password_limits
from users.models import Invitation, Team

pytestmark = pytest.mark.django_db
OURS = {one.label for one in apps.get_app_configs() if Path(one.path).parent == settings.BASE_DIR}
DATA = Path(__file__).resolve().parent / "data"


def urls() -> Iterator[str]:
    """Every pattern with its full name. The order of the alternatives of a group is the order of registration, which means nothing."""

    def below(patterns: list[Any], prefix: str, space: str) -> Iterator[str]:
        for one in patterns:
            text = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from below(
                    one.url_patterns, text, f"{space}{one.namespace}:" if one.namespace else space
                )
            else:
                yield f"/{text}  {space}{one.name or '-'}"

    for line in below(get_resolver().url_patterns, "", ""):
        yield re.sub(
            r"(?<=<app_label>)[\w|]+", lambda found: "|".join(sorted(found.group().split("|"))), line
        )


def models() -> Iterator[str]:
    """Every model with its table and whether it has a content type: permissions, links and log entries depend on it."""
    typed = set(ContentType.objects.values_list("app_label", "model"))
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        has_type = (meta.app_label, meta.model_name) in typed
        yield f"{meta.label}  {meta.db_table}{'' if has_type else '  no content type'}"


def content_types() -> Iterator[str]:
    for app, model in ContentType.objects.values_list("app_label", "model"):
        yield f"{app}.{model}"


def permissions() -> Iterator[str]:
    """What permissions are called, to programs and to people."""
    for one in Permission.objects.select_related("content_type"):
        yield f"{one.content_type.app_label}.{one.codename}  {one.content_type.model}: {one.name}"


def groups() -> Iterator[str]:
    """What the groups may do after `migrate` of an empty database."""
    for group in Group.objects.prefetch_related("permissions__content_type"):
        for one in group.permissions.all():
            yield f"{group.name}: {one.content_type.app_label}.{one.codename}"


def choices() -> Iterator[str]:
    """What columns of a few possible values hold."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields if model._meta.app_label in OURS else ():
            for value, _ in field.flatchoices:
                yield f"{model._meta.label}.{field.name}  {value!r}"


def admin_models() -> Iterator[str]:
    """The models that have pages in the portal."""
    for model in admin.site._registry:
        yield model._meta.label


def tasks() -> Iterator[str]:
    """Celery's tasks: queued calls, beat's rows and metrics name them."""
    current_app.loader.import_default_modules()
    for name, task in current_app.tasks.items():
        if not task.__module__.startswith(
            ("celery.", "tests.")
        ):  # other tests of the process make tasks, too
            queue = current_app.amqp.router.route({}, name)["queue"]
            works = "  works on hold" if name in WORKS_ON_HOLD else ""
            yield f"{name}  {queue.name}{'  ignores its result' if task.ignore_result else ''}{works}"


def routes() -> Iterator[str]:
    for pattern, route in lanes.ROUTES.items():
        yield f"{pattern}  {route['queue']}"
    for name in lanes.LANES:
        yield f"lane {name}  {name if name in lanes.QUEUES else '-'}"


def beats() -> Iterator[str]:
    """What beat sends, by the names of its rows."""
    for row in PeriodicTask.objects.select_related("interval"):
        assert row.interval is not None
        yield f"{row.name}  {row.task}  every {row.interval.every} {row.interval.period}"


def mail_kinds() -> Iterator[str]:
    for key, kind in KINDS.items():
        yield f"{key}{'  stays' if kind.stays else ''}"


def commands() -> Iterator[str]:
    """Our own commands of manage.py. The app that one is in may change, its name may not."""
    for name, app in get_commands().items():
        if app in OURS:
            yield name


def settings_of_sessions() -> Iterator[str]:
    """What browsers and rows of sessions hold."""
    for name in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME", "AUTH_USER_MODEL"):
        yield f"{name}  {getattr(settings, name)}"
    for backend in settings.AUTHENTICATION_BACKENDS:
        yield f"backend  {backend}"


def metrics() -> Iterator[str]:
    """What Prometheus is told, by the names that dashboards and alerts hold."""
    counted = {one._name: one._labelnames for one in (figures.REQUESTS, figures.SECONDS, figures.LEASES)}
    for family in figures.registry().collect():
        labels = counted.get(family.name) or getattr(family, "_labelnames", None) or ()
        yield f"{family.name}  {family.type}  {','.join(labels) or '-'}"


@pytest.fixture
def salts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is mixed into what we sign: links and leases of before are good only as long as it stays. Asked by signing one of each."""
    used = []
    for module in (signing, app_models):
        made = module.salted_hmac

        def note(salt: Any, *args: Any, made: Callable[..., Any] = made, **more: Any) -> Any:
            text = salt.decode() if isinstance(salt, bytes) else salt
            used.append(re.sub(r"\.[0-9a-f]{64}", ".<key of the row>", text).removesuffix("signer"))
            return made(salt, *args, **more)

        monkeypatch.setattr(module, "salted_hmac", note)
    _sign_one_of_each()
    return used


def _sign_one_of_each() -> None:
    user, account = make_user(), lasting()
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    path = f"/api/v1/accounts/facebook/{account.native_id}/lease"
    job = Client(headers={"authorization": f"Bearer {key}"})
    assert job.post(path, {}, content_type="application/json").status_code == 200
    sign_message(Message(pk=1))
    Invitation(key="k").make_link()
    assert Ask(key="k").link_address
    made = make_token(consented_by=user)
    assert renewal_links.link_for(token=made, user=user, issued=made.linked_at).signed
    password_limits.remember_device(user=user, response=HttpResponse())
    for channel in ("facebook", "x", "tiktok"):
        assert make_app(channel).push_fields
    Client().force_login(user)


def openapi() -> Iterator[str]:
    """What clients of the API are written against: operations, parameters, answers, and the fields of what is sent and answered.

    `!` is behind what is always there. Words about them may change.
    """
    schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            yield f"{method.upper()} {path}  {name}"
            for one in operation["parameters"]:
                yield f"{name}  {one['in']} {one['name']}{'!' * one['required']}  {shape(one['schema'])}"
            for part in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{name}  takes {part[0]} {shape(part[1]['schema'])}"
            for status, answer in operation["responses"].items():
                models = [f"{kind} {shape(one['schema'])}" for kind, one in answer.get("content", {}).items()]
                yield f"{name}  {status} {' '.join([*models, *answer.get('headers', {})])}"
    for name, model in schema["components"]["schemas"].items():
        yield f"{name}  {shape(model)}"
        for field, one in model.get("properties", {}).items():
            yield f"{name}.{field}{'!' * (field in model.get('required', []))}  {shape(one)}"


def shape(schema: Mapping[str, Any]) -> str:
    """Return the type of a field in short."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if options := schema.get("anyOf") or schema.get("allOf"):
        return "|".join(map(shape, options))
    if "enum" in schema:
        return f"({' '.join(map(str, schema['enum']))})"
    if "items" in schema:
        return f"[{shape(schema['items'])}]"
    told = [f"{key}={schema[key]}" for key in sorted(schema) if key not in UNTOLD]
    return " ".join([str(schema.get("type", "anything")), *told])


UNTOLD = ("type", "title", "description", "properties", "required", "example", "examples", "items")


LISTS = {
    asked.__name__: asked
    for asked in (
        urls, models, content_types, permissions, groups, choices, admin_models, tasks, routes, beats, mail_kinds, commands,
        settings_of_sessions, metrics, openapi,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_names_that_are_data_stay(name: str) -> None:
    compare(name, sorted(LISTS[name]()))


def test_what_is_signed_stays_good(salts: list[str]) -> None:
    compare("salts", sorted(set(salts)))


def compare(name: str, lines: list[str]) -> None:
    """Compare what was asked with what is frozen, or freeze it where that is wanted."""
    file = DATA / f"{name}.txt"
    if os.environ.get("WRITE_DATA_NAMES"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    frozen, asked = Counter(file.read_text(encoding="utf-8").splitlines()), Counter(lines)
    gone, came = sorted((frozen - asked).elements()), sorted((asked - frozen).elements())

    assert not gone + came, "\n".join(
        [
            f"{file.name} is no longer what the running system says:",
            *(f"  - {line}" for line in gone),
            *(f"  + {line}" for line in came),
            "Whoever stored or wrote down the old names still has them. When the change is meant, write the file anew:",
            "WRITE_DATA_NAMES=1 .venv/bin/python -m pytest -q tests/project/test_data_names.py",
        ]
    )
