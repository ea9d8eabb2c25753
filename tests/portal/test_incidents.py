"""What staff decide about what is held, when somebody was faster."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from tokens.deaths import Incident

from tests.portal.support import staff
from tests.support.factories import make_app

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("decision", ["release", "discard"])
def test_where_nothing_is_held_any_more_the_page_has_no_button_and_a_post_says_so(
    client: Client, settings: Settings, decision: str
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    staff(client, "tokens.decide_tokendeath")
    incident = Incident.objects.create(app=make_app("facebook"), began_at=timezone.now())
    url = reverse("admin:tokens_incident_decide", args=[incident.pk, decision])

    asked = client.get(url).content.decode()
    done = client.post(url, follow=True).content.decode()

    assert "Nothing is held now, or somebody was faster." in asked
    assert "0 log-ins" not in asked
    assert "at-facts" not in asked  # before and after of nothing
    assert 'type="submit">Discard' not in asked
    assert 'type="submit">Let them end' not in asked
    assert "Nothing is held now, or somebody was faster." in done
    assert not LogEntry.objects.exists()
