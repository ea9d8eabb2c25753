"""A channel with hosts by region: consent page, token endpoint and API of one region know nothing of the other's."""

from dataclasses import replace

from tests.contract.made_up.common import Renewing
from tests.contract.made_up.regional.declaration import DECLARATION
from tokens.channels.kinds import AppKeys, Credentials, Identity


class Regional(Renewing):
    """As Amazon Ads has it. A person has the same id in both regions and a log-in in each, so the region is part of whose it is."""

    declaration = DECLARATION

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        found = super().identity(app, credentials)
        return replace(found, native_user_id=f"{credentials.region}-{found.native_user_id}")


CHANNEL = Regional()
