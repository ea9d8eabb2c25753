"""What is TikTok's own in the consent page, in lifetimes and in deeds."""

from sandbox.oauth import OauthStandIn
from sandbox.world import NEVER

STAND_IN = OauthStandIn("tiktok", "TikTok", access_life=NEVER)
