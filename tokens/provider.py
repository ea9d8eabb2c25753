"""Where allauth looks for providers. One per channel; their addresses are in tokens.urls."""

from tokens.channels.facebook.provider import FacebookProvider
from tokens.channels.linkedin.provider import LinkedInProvider
from tokens.channels.pinterest.provider import PinterestProvider
from tokens.channels.snapchat.provider import SnapchatProvider
from tokens.channels.tiktok.provider import TikTokProvider
from tokens.channels.x.provider import XProvider

provider_classes = [
    FacebookProvider,
    SnapchatProvider,
    XProvider,
    LinkedInProvider,
    PinterestProvider,
    TikTokProvider,
]
