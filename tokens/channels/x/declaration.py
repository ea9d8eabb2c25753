"""What must be known of X before Django is set up."""

from tokens.channels.kinds import Declaration, Version, Versions

VERSIONS = Versions(
    setting="X_ADS_VERSION",
    default="12",
    known=(Version("11"), Version("12")),  # of both the table says that the end is to be determined
    source="https://docs.x.com/x-ads-api/fundamentals/versioning",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="x",
    label="X",
    addresses={
        "X_API_URL": "https://api.x.com",
        "X_ADS_URL": "https://ads-api.x.com",
        "X_UPLOAD_URL": "https://upload.x.com",
    },
    consent="X_API_URL",
    consent_path="oauth/authorize",  # not oauth/authenticate, which may skip the question
    api="X_ADS_URL",
    api_path="{version}",
    versions=VERSIONS,
    colours=("#3d4653", "#aab4c2"),
    client=(
        "import twitter_ads",
        'twitter_ads.API_VERSION = "12"  # its release asks for 11',
        "from twitter_ads import client, http",
        'http.Request._DEFAULT_DOMAIN = "{base}"',
        'x = client.Client("any", "any", "{credential}", "any")',
    ),
)
