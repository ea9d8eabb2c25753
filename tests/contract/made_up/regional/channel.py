"""A channel with hosts by region: consent page, token endpoint and API of one region know nothing of the other's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.contract.made_up.common import Renewing
from tests.contract.made_up.regional.declaration import DECLARATION
from tokens.channels import gate
from tokens.channels.kinds import Answer, Identity


class Regional(Renewing):
    """As Amazon Ads has it. A person has the same id in both regions and a log-in in each, so the region is part of whose it is."""

    declaration = DECLARATION

    def person_in(self, answer: Answer, body: Mapping[str, Any]) -> Identity:
        found = super().person_in(answer, body)
        return replace(found, native_user_id=f"{gate.current_region()}-{found.native_user_id}")


CHANNEL = Regional()
