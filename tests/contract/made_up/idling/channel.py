"""A channel that ends what nobody renews for half a year."""

from dataclasses import replace
from datetime import timedelta

from tests.contract.made_up.common import MadeUp
from tests.contract.made_up.idling.declaration import DECLARATION
from tokens.channels import http
from tokens.channels.kinds import AppKeys, Credentials, Dates, Grant, Idle, Renewal, refresh_form


class Idling(MadeUp):
    """As Google has it: a refresh token that was not used for six months is void, and a call with an access token is no use of it."""

    declaration = DECLARATION
    lifetime = replace(MadeUp.lifetime, idle=Idle(timedelta(days=180), kept_by=frozenset({"renewal"})))
    renewal = Renewal(exchange=False, source="https://made-up.example", every=timedelta(days=7))

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant:
        form = {**refresh_form(credentials), "client_id": app.client_id, "client_secret": app.secret}
        answer = http.request("refresh", "POST", self.address("token"), data=form, timeout=timeout)
        body = self.asked(answer)
        return Grant(Credentials(str(body["access_token"])), Dates(sources={"access": "never"}))


CHANNEL = Idling()
