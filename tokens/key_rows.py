"""Everything that the key ring encrypts and that lasts: log-ins, channel apps' secrets, second factors.

What a handshake with a channel seals is not here: it is in a session, and over ten minutes later.
"""

from users.factor_keys import FactorRows
from users.key_rotation import SealedRows


class TokenRows(SealedRows):
    """The credentials of log-ins."""

    label = "log-ins"
    table = "tokens_token"
    column = "credentials"
    key = "credentials_key"
    changes = "credentials = v.new, credentials_key = %(newest)s"


class AppRows(SealedRows):
    """The secrets of channel apps."""

    label = "channel apps"
    table = "tokens_channelapp"
    column = "secrets"
    key = "secrets_key"
    changes = "secrets = v.new, secrets_key = %(newest)s"


class ImportRows(SealedRows):
    """Lines of files that staff uploaded and that are not imported yet."""

    label = "import lines"
    table = "accounts_importfileline"
    column = "sealed"
    key = "sealed_key"
    changes = "sealed = v.new, sealed_key = %(newest)s"


PLACES = (AppRows(), TokenRows(), ImportRows(), FactorRows())
