"""Whom an ask to re-authenticate would reach, and beginning it: for the page that asks, and for the API."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy

from accounts.asks import queries, rules, services
from accounts.asks.models import Ask
from accounts.models import AccountToken
from infra import asking_workers
from tokens.models import Token
from ui.addresses import as_one
from ui.text import number

NONE_ENDS = gettext_lazy("No log-in of these accounts stopped or ends within 30 days.")


@dataclass(frozen=True)
class Plan:
    """The log-ins that one asks for, by their people, and whom no mail reaches (ids of users)."""

    ids: Sequence[int]
    people: Sequence[Sequence[Token]]
    unreached: Collection[int]

    @property
    def askable(self) -> list[Sequence[Token]]:
        """The log-ins of those who can be asked."""
        return [tokens for tokens in self.people if not rules.cannot_ask(tokens[0])]

    @property
    def reaches_somebody(self) -> bool:
        """Whether a mail reaches any of them."""
        return any(tokens[0].consented_by_id not in self.unreached for tokens in self.askable)

    def refusal(self, nobody: Callable[[], str]) -> str:
        """Return why there is nothing to begin; "" where there is. `nobody`: what is said where there is no log-in."""
        if len(self.ids) > services.MOST:
            most = {"most": number(services.MOST)}
            return gettext("One request asks for %(most)s log-ins at most. Narrow the list first.") % most
        if self.reaches_somebody:
            return ""
        return gettext("Nobody is asked: see the reasons above.") if self.ids else nobody()


def plan_ask(entries: QuerySet[AccountToken]) -> Plan:
    """Return whom an ask for the log-ins of these entries would reach."""
    ids = queries.log_in_ids(entries, most=services.MOST)
    people = _people([] if len(ids) > services.MOST else ids)
    able = [tokens[0].consented_by_id or 0 for tokens in people if not rules.cannot_ask(tokens[0])]
    return Plan(ids, people, queries.people_without_mail(able))


def _people(ids: Sequence[int]) -> list[list[Token]]:
    """Return the log-ins by person, what stopped or ends first before the rest; whoever cannot be asked stands last, each alone."""
    # Thousands share few apps and people, and nobody asks what the channel answered.
    unread = ("credentials", "evidence", "scopes", "dates_source", "refresh_wanted")
    tokens = Token.objects.filter(pk__in=as_one(ids)).prefetch_related("app", "consented_by").defer(*unread)
    found: dict[int, list[Token]] = defaultdict(list)
    for token in tokens.order_by("deadline", "pk"):
        found[-token.pk if rules.cannot_ask(token) else token.consented_by_id or 0].append(token)
    return sorted(found.values(), key=lambda some: bool(rules.cannot_ask(some[0])))


def begin(run_asks: "Task[..., None]", **facts: Any) -> Ask:
    """Begin an ask (`services.start_ask`), and have a worker write its mails."""
    ask, is_new = services.start_ask(**facts)
    if is_new:
        transaction.on_commit(partial(asking_workers.ask, run_asks))
    return ask
