"""What must be known of LinkedIn before Django is set up."""

from datetime import date

from tokens.channels.kinds import Declaration, Version, Versions

# A month's version is served for a year at least. Dates up to 202607: LinkedIn's table of migrations; that of 202609: read there by others.
VERSIONS = Versions(
    setting="LINKEDIN_VERSION",
    default="202609",
    known=(
        Version("202510", ends=date(2026, 10, 15)),
        Version("202511", ends=date(2026, 11, 16)),
        Version("202601", ends=date(2027, 1, 15)),
        Version("202602", ends=date(2027, 2, 15)),
        Version("202603", ends=date(2027, 3, 16)),
        Version("202604", ends=date(2027, 4, 15)),
        Version("202605", ends=date(2027, 5, 15)),
        Version("202606", ends=date(2027, 6, 15)),
        Version("202607", ends=date(2027, 7, 15)),
        Version("202608", expected=date(2027, 8, 1)),
        Version("202609", ends=date(2027, 9, 15)),
    ),
    source="https://learn.microsoft.com/en-us/linkedin/marketing/integrations/migrations",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="linkedin",
    label="LinkedIn",
    addresses={
        "LINKEDIN_WWW_URL": "https://www.linkedin.com",
        "LINKEDIN_API_URL": "https://api.linkedin.com",
    },
    consent="LINKEDIN_WWW_URL",
    consent_path="oauth/v2/authorization",
    api="LINKEDIN_API_URL",
    api_path="rest",
    versions=VERSIONS,
    colours=("#0f7488", "#4fbdd3"),
    client=(
        "from linkedin_api.common import constants",
        'constants.VERSIONED_BASE_URL = "{base}/rest"  # name a version_string in each call',
        'constants.NON_VERSIONED_BASE_URL = "{base}/v2"',
        'credential = "{credential}"  # the access_token of each call',
    ),
    refresh_again_is_safe=True,
)
