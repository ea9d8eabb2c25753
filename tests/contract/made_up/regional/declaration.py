"""What must be known of Regional before Django is set up."""

from dataclasses import replace

from tests.contract.made_up.declaring import declared
from tokens.channels.kinds import Region

EUROPE = "REGIONAL_EU_API_URL"
_FIRST = declared("regional", "Regional")

DECLARATION = replace(
    _FIRST,
    addresses={**_FIRST.addresses, EUROPE: "https://eu.regional.example"},
    regions={"na": Region("North America"), "eu": Region("Europe", instead={_FIRST.api: EUROPE})},
)
