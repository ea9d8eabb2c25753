"""Addresses of the stand-in LinkedIn, below /linkedin: www and api in one place."""

from starlette.routing import Route

from sandbox.linkedin import ads, media, tokens
from sandbox.linkedin.access import answered
from sandbox.linkedin.switches import STAND_IN

ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_READ = ["GET", "POST"]  # POST: a long query that is tunnelled

routes = [
    Route("/oauth/v2/authorization", STAND_IN.show, methods=["GET"]),
    Route("/oauth/v2/authorization", STAND_IN.decide, methods=["POST"]),
    Route("/oauth/v2/accessToken", answered(tokens.access_token), methods=["POST"]),
    Route("/oauth/v2/introspectToken", answered(tokens.introspect), methods=["POST"]),
    Route("/oauth/v2/revoke", answered(tokens.revoke), methods=["POST"]),
    Route("/v2/userinfo", answered(ads.userinfo), methods=["GET"]),
    Route("/rest/adAccountUsers", answered(ads.account_users), methods=_READ),
    Route("/rest/adAccounts", answered(ads.search_accounts), methods=_READ),
    Route("/rest/adAccounts/{account_id}", answered(ads.account), methods=["GET"]),
    Route("/rest/adAccounts/{account_id}/adCampaigns", answered(ads.campaigns), methods=_READ),
    Route("/rest/videos", answered(media.videos), methods=["POST"]),
    Route("/{rest:path}", answered(ads.unknown), methods=ANY),
]
