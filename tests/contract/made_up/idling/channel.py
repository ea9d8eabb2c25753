"""A channel that ends what nobody renews for half a year."""

from dataclasses import replace
from datetime import timedelta

from tests.contract.made_up.common import Renewing
from tests.contract.made_up.idling.declaration import DECLARATION
from tokens.channels.kinds import Idle


class Idling(Renewing):
    """As Google has it: a refresh token that was not used for six months is void, and a call with an access token is no use of it."""

    declaration = DECLARATION
    lifetime = replace(Renewing.lifetime, idle=Idle(timedelta(days=180), kept_by=frozenset({"renewal"})))


CHANNEL = Idling()
