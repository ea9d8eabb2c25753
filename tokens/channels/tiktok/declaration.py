"""What must be known of TikTok before Django is set up."""

from tokens.channels.kinds import Declaration, Version, Versions

VERSIONS = Versions(
    setting="TIKTOK_API_VERSION",
    default="v1.3",
    known=(Version("v1.3"),),
    source="https://business-api.tiktok.com/portal/docs",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="tiktok",
    label="TikTok",
    addresses={"TIKTOK_API_URL": "https://business-api.tiktok.com"},
    consent="TIKTOK_API_URL",
    consent_path="portal/auth",
    api="TIKTOK_API_URL",
    api_path="open_api/{version}",
    versions=VERSIONS,
    colours=("#7349bf", "#b394f2"),
    client=(
        "import business_api_client",
        "tiktok = business_api_client.ApiClient()",
        'tiktok.configuration.host = "{base}"  # access_token of each call: {credential}',
    ),
)
