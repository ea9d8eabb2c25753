"""The stand-ins that share sandbox.oauth, by channel."""

from sandbox.linkedin.switches import STAND_IN as LINKEDIN
from sandbox.oauth import OauthStandIn
from sandbox.pinterest.switches import STAND_IN as PINTEREST
from sandbox.snapchat.switches import STAND_IN as SNAPCHAT
from sandbox.tiktok.switches import STAND_IN as TIKTOK

STAND_INS: dict[str, OauthStandIn] = {one.channel: one for one in (SNAPCHAT, LINKEDIN, PINTEREST, TIKTOK)}
