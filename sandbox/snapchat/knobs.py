"""What is Snapchat's own in the consent page, in lifetimes and in deeds."""

from sandbox.oauth import OauthStandIn
from sandbox.world import NEVER

STAND_IN = OauthStandIn("snapchat", "Snapchat", access_life=1800, refresh_life=NEVER)
