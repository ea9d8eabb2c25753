"""Token pairs of OAuth 1.0a: one living pair per app and user."""

from sandbox.store import Store
from sandbox.world import NativeUser, XToken


def pair_for(store: Store, *, client_id: str, user: NativeUser) -> XToken:
    """The living pair, else a new one. Authorising again while a grant lives gives the same pair back."""
    for pair in store.x_tokens.values():
        if (pair.client_id, pair.user) == (client_id, user.key) and not pair.dead:
            return pair
    token, secret = store.new_x_pair(user)
    pair = XToken(token, secret, client_id, user.key, store.now())
    store.x_tokens[token] = pair
    store.changed()
    return pair


def revoke_pairs(store: Store, *, client_id: str, user: str) -> None:
    """End the living pair of an app and a user."""
    for pair in store.x_tokens.values():
        if (pair.client_id, pair.user) == (client_id, user):
            pair.dead = True
    store.changed()
