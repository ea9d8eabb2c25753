"""A channel whose calls want the manager through which a person reaches an ad account, and a further secret of the app."""

from collections.abc import Mapping

from tests.contract.made_up.common import MadeUp
from tests.contract.made_up.managed.declaration import DECLARATION
from tokens.channels.kinds import AccountFacts, AppField, AppKeys, Credentials, Send


class Managed(MadeUp):
    """As Google Ads has it with `login-customer-id` and `developer-token`."""

    declaration = DECLARATION
    needs_facts = True
    app_fields = (AppField("developer_token", "Developer token", help_text="Of the manager account."),)

    def more_headers(self, app: AppKeys, facts: Mapping[str, str]) -> Mapping[str, str]:
        manager = {"login-customer-id": facts["manager"]} if "manager" in facts else {}
        return {"developer-token": app.more["developer_token"], **manager}

    def send(self, app: AppKeys, credentials: Credentials, account: AccountFacts) -> Send:
        sent = super().send(app, credentials, account)
        return Send(headers={**sent.headers, **self.more_headers(app, account.facts)})


CHANNEL = Managed()
