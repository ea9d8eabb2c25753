"""Of each kind of channel one: a second app of our own takes the new links, the first one's log-ins go on until they are moved."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.contract.conftest import Clock, account, check, token_of
from tests.contract.profiles import FACEBOOK, SNAPCHAT, Profile, X
from tests.contract.test_leases import lease_now, read
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]


@pytest.mark.parametrize("profile", [FACEBOOK, SNAPCHAT, X], ids=lambda profile: profile.key)
def test_a_second_app_links_serves_and_renews_beside_the_first(
    profile: Profile, browser: Browser, world: Sandbox, clock: Clock
) -> None:
    native.link(browser("ada"), profile.key, "ada")
    first = ChannelApp.objects.get(channel=profile.key)
    ChannelApp.objects.filter(pk=first.pk).update(is_default=False, state=ChannelApp.State.RETIRING)
    second = ChannelApp(channel=profile.key, client_id="9990001", label="New", state=ChannelApp.State.LIVE)
    second.set_secrets(["second-secret"])
    second.save()
    world.put_app(
        profile.key, client_id="9990001", secret="second-secret", redirect_uris=[second.redirect_uri]
    )

    native.link(browser("ben"), profile.key, "ben")
    if profile.renews_after is not None:
        clock.forward(days=profile.renews_after)
    check(rounds=1, hours=0)

    ada, ben = token_of("ada"), token_of("ben")
    assert (ada.app, ben.app) == (first, second)
    assert (ada.state, ben.state, account().usable_count) == ("valid", "valid", 2)
    if profile.renews_after is not None:
        assert ada.renewed_at is not None
        assert ben.renewed_at is not None
    assert lease_now(account()).native_user == "Ada Okafor"
    world.cancel_authorisation(profile.key, "ada", first.client_id)
    check(hours=0.5)
    lease = lease_now(account())
    assert lease.native_user == "Ben Lindqvist"
    assert read(world, profile, account(), lease).status_code == 200
    assert datetime.now(UTC) < lease.expires_at
