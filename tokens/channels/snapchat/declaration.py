"""What must be known of Snapchat before Django is set up."""

from tokens.channels.kinds import Declaration, Version, Versions

VERSIONS = Versions(
    setting="SNAPCHAT_API_VERSION",
    default="v1",
    known=(Version("v1"),),
    source="https://developers.snap.com/api/marketing-api/Ads-API/introduction",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="snapchat",
    label="Snapchat",
    addresses={
        "SNAPCHAT_ACCOUNTS_URL": "https://accounts.snapchat.com",
        "SNAPCHAT_API_URL": "https://adsapi.snapchat.com",
    },
    consent="SNAPCHAT_ACCOUNTS_URL",
    consent_path="login/oauth2/authorize",
    api="SNAPCHAT_API_URL",
    api_path="{version}",
    versions=VERSIONS,
    colours=("#866400", "#dcb73a"),
    client=(
        "import requests  # Snapchat has no client of its own",
        "snapchat = requests.Session()",
        'snapchat.headers["Authorization"] = "Bearer {credential}"  # {base}/v1/...',
    ),
    refresh_again_is_safe=True,
)
