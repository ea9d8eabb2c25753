"""What each channel needs: the pages say what the policy says, to people who are logged in."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factories import make_app, make_user
from tokens import channels, lasting
from tokens.channels.base import Reason
from tokens.models import ChannelKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada@example.com", name="Ada Okafor"))
    return client


def text(client: Client, name: str, *args: str) -> str:
    from django.utils.html import strip_tags

    page = client.get(reverse(name, args=args)).content.decode()
    import html

    return " ".join(html.unescape(strip_tags(page)).split())


@pytest.mark.parametrize("channel", ChannelKey.values)
def test_a_channels_page_says_all_that_is_known_of_it(ada: Client, channel: str) -> None:
    make_app(channel)
    known = lasting.of(channel, "")

    page = text(ada, "channel_page", channel)

    wanted = [*known.clocks, *known.ends, *known.renewed, *known.causes, known.person_deadline, known.note]
    wanted += [known.article, *(source.url for source in known.sources)]
    assert [line for line in wanted if line not in page] == []
    assert ("No vendor source" in page) is bool(known.note)


def test_a_channels_page_tells_of_every_reason_what_happened_who_acts_and_the_steps(ada: Client) -> None:
    page = text(ada, "channel_page", "facebook")

    steps = [step for reason in Reason for step in channels.get("facebook").steps(reason)]
    assert [step for step in steps if step not in page] == []
    assert page.count("What happened") == page.count("Who acts") == len(Reason)
