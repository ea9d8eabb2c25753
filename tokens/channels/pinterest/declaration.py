"""What must be known of Pinterest before Django is set up."""

from tokens.channels.kinds import Declaration, Version, Versions

VERSIONS = Versions(
    setting="PINTEREST_API_VERSION",
    default="v5",
    known=(Version("v5"),),
    source="https://developers.pinterest.com/docs/api/v5/",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="pinterest",
    label="Pinterest",
    addresses={
        "PINTEREST_WWW_URL": "https://www.pinterest.com",
        "PINTEREST_API_URL": "https://api.pinterest.com",
    },
    consent="PINTEREST_WWW_URL",
    consent_path="oauth/",  # the slash at the end is part of the address
    api="PINTEREST_API_URL",
    api_path="{version}",
    versions=VERSIONS,
    colours=("#b02a50", "#f07f9f"),
    client=(
        "import pinterestsdk",
        'settings = pinterestsdk.Configuration(host="{base}/v5", access_token="{credential}")',
        "pinterest = pinterestsdk.ApiClient(settings)",
    ),
    refresh_again_is_safe=True,
)
