"""What a job may ask Pinterest for: its ad account, and the catalogue of targeting.

By Pinterest's description of its API (pinterest/api-description, v5/openapi.json, version 5.23.0), read 2026-11-25.
"""

import re
from typing import Any

from tokens.channels.paths import BELOW, Table, person, rule

_ACT = r"v5/ad_accounts/{account}"


def _refuse(status: int, text: str) -> tuple[int, Any]:
    codes = {400: 1, 401: 2, 403: 29, 404: 50, 429: 8, 503: 12}
    return status, {"code": codes.get(status, 1), "message": text}


TABLE = Table(
    rules=(
        person(
            rf"{_ACT}/audiences/(businesses|ad_accounts)/shared(/.*)?",
            "Whom an audience is shared with, people decide at Pinterest.",
            methods="POST PUT PATCH DELETE",
        ),
        # Reports and floors of bids are asked for by POST; nothing that is published changes.
        rule("account", "GET POST", rf"{_ACT}/(reports|bid_floor|templates/\d+/reports)", reading="GET POST"),
        rule("account", "GET PATCH", _ACT),
        rule("account", "GET POST PUT PATCH DELETE", rf"{_ACT}{BELOW}"),
        rule("catalogue", "GET", r"v5/resources/[a-z_]+(/[A-Z_a-z]+)?"),
        # Media are for Pins alone, and want pins:write, which AdToken does not ask anybody for.
        person(
            r"v5/(pins|boards|media)(/.*)?",
            "Pins, their media and boards belong to a person. Make the Pin elsewhere, and name its id in the ad of ad account {account}.",
        ),
        person(
            r"v5/catalogs(/.*)?",
            "Catalogues belong to a business: only ad account {account} is asked for with this credential.",
        ),
        person(
            r"v5/(ad_accounts|user_account|businesses|business_employers|oauth|integrations|terms|search)(/.*)?",
            "This credential is for ad account {account}, not for a person: ask for /v5/ad_accounts/{account} and what is below it.",
        ),
    ),
    hosts={"": "PINTEREST_API_URL"},
    default=(
        "Only requests about this ad account pass: /v5/ad_accounts/{account} and what is below it, and /v5/resources."
    ),
    refuse=_refuse,
    names=re.compile("(ad|recipient)_account_ids?"),
)
