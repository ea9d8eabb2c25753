"""The rule of `ui.name_visibility` under its names of before."""

from django.contrib.auth.models import AnonymousUser

from tokens.models import Token
from ui.name_visibility import ADMINISTRATOR as ADMINISTRATOR
from ui.name_visibility import HIDDEN as HIDDEN
from ui.name_visibility import NameVisibility
from users.models import User
from users.visibility import names_for


class Names(NameVisibility):
    """Names as one viewer may see them, see `users.visibility.names_for`."""

    def __init__(self, viewer: User | AnonymousUser | None) -> None:
        super().__init__(**vars(names_for(viewer)))


def person_name(token: Token) -> str:
    """See `Token.person_name`."""
    return token.person_name
