"""What is Pinterest's own in the consent page, in lifetimes and in deeds."""

from sandbox.oauth import OauthStandIn
from sandbox.world import DAY

STAND_IN = OauthStandIn("pinterest", "Pinterest", access_life=30 * DAY, refresh_life=60 * DAY)
