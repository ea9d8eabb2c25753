"""What must be known of Facebook before Django is set up."""

from datetime import date

from tokens.channels.kinds import Declaration, Version, Versions

# Marketing API, whose versions end long before those of the Graph API. The last three lived 12 to 13 months.
VERSIONS = Versions(
    setting="FACEBOOK_VERSION",
    default="v26.0",  # what Meta's own SDK for Python, 26.0.3 of 2026-11, sends
    known=(
        Version("v22.0", ends=date(2026, 2, 19)),
        Version("v23.0", ends=date(2026, 6, 9)),
        Version("v24.0", ends=date(2026, 11, 10)),
        Version("v25.0", ends=date(2027, 2, 23)),
        Version("v26.0", expected=date(2027, 7, 29)),
        Version("v27.0", expected=date(2027, 11, 4)),
    ),
    source="https://developers.facebook.com/documentation/ads-commerce/marketing-api/marketing-api-changelog/versions",
    checked="2026-11-25",
)

DECLARATION = Declaration(
    key="facebook",
    label="Facebook",
    addresses={
        "FACEBOOK_WWW_URL": "https://www.facebook.com",
        "FACEBOOK_GRAPH_URL": "https://graph.facebook.com",
        "FACEBOOK_VIDEO_URL": "https://graph-video.facebook.com",
    },
    consent="FACEBOOK_WWW_URL",
    consent_path="{version}/dialog/oauth",
    api="FACEBOOK_GRAPH_URL",
    api_path="{version}",
    versions=VERSIONS,
    colours=("#2f62c9", "#7ba4ff"),
    client=(
        "from facebook_business.api import FacebookAdsApi, FacebookSession",
        'FacebookSession.GRAPH = "{base}"',
        'FacebookAdsApi.init(access_token="{credential}")',
    ),
)
