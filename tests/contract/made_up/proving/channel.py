"""A channel that takes no code without the proof that it was asked for here (PKCE, RFC 7636)."""

from tests.contract.made_up.common import MadeUp
from tests.contract.made_up.proving.declaration import DECLARATION


class Proving(MadeUp):
    """As X has it with OAuth 2, and Microsoft."""

    declaration = DECLARATION
    pkce = True


CHANNEL = Proving()
