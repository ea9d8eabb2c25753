""" "Check now" and refusals of writes: what somebody looked at is tried again, and nothing else."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.checks import jobs as due_checks
from accounts.models import AccountToken
from tests.accounts.test_backups import add, carried, log_in, reaches
from tokens.models import Token

pytestmark = pytest.mark.django_db


def refuse(*tokens: Token) -> None:
    AccountToken.objects.filter(token__in=tokens).update(
        can_publish="no", write_refused_at=timezone.now(), write_refusal="two_factor_required"
    )


def refused() -> set[tuple[int, int]]:
    rows = AccountToken.objects.exclude(write_refused_at=None)
    return set(rows.values_list("account_id", "token_id"))


def test_a_backup_that_is_added_elsewhere_is_still_refused_where_the_channel_takes_no_write() -> None:
    ada, emil = log_in("Ada"), log_in("Emil")
    first, second = carried(ada, emil), carried(ada)
    refuse(emil)
    reaches(emil, second)

    add(second, emil)

    assert Token.objects.get(pk=emil.pk).due_at is not None
    assert refused() == {(first.pk, emil.pk)}


def test_staff_have_writes_tried_again_in_the_account_that_they_look_at_and_in_no_other() -> None:
    ada = log_in("Ada")
    first, second = carried(ada), carried(ada)
    refuse(ada)

    due_checks.make_tokens_due(token_ids=[ada.pk], now=timezone.now(), writes_in=[first.pk])

    assert refused() == {(second.pk, ada.pk)}


def test_a_marketer_has_only_the_own_log_in_tried_again_and_asked_whether_it_is_lifted(
    client: Client,
) -> None:
    ada, ben = log_in("Ada"), log_in("Ben")
    suspended = log_in("Ada again", person=ada.consented_by, state="dead", reason="suspended")
    others = log_in("Ben again", person=ben.consented_by, state="dead", reason="suspended")
    account = carried(ada, ben, suspended, others)
    refuse(ada, ben)
    assert ada.consented_by
    client.force_login(ada.consented_by)

    client.post(reverse("check_account", args=[account.pk]))

    assert refused() == {(account.pk, ben.pk)}
    due = set(Token.objects.filter(due_at__isnull=False).values_list("pk", flat=True))
    assert {ada.pk, ben.pk, suspended.pk} <= due
    assert others.pk not in due
