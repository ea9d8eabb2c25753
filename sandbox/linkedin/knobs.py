"""What is LinkedIn's own in the consent page, in lifetimes and in deeds."""

from sandbox.oauth import OauthStandIn
from sandbox.world import DAY

STAND_IN = OauthStandIn("linkedin", "LinkedIn", access_life=60 * DAY, refresh_life=365 * DAY)
