"""The stand-ins that share sandbox.oauth, by channel."""

from sandbox.linkedin.knobs import STAND_IN as LINKEDIN
from sandbox.oauth import OauthStandIn
from sandbox.pinterest.knobs import STAND_IN as PINTEREST
from sandbox.snapchat.knobs import STAND_IN as SNAPCHAT
from sandbox.tiktok.knobs import STAND_IN as TIKTOK

STAND_INS: dict[str, OauthStandIn] = {one.channel: one for one in (SNAPCHAT, LINKEDIN, PINTEREST, TIKTOK)}
