"""What a key reaches: its accounts by the names that callers use, and in whose name it acts on them."""

from collections.abc import Callable, Sequence

from accounts.api_keys.models import by_key
from accounts.models import Account, ApiKey
from accounts.pool.models import AccountQuerySet
from broker.api.schemas import AccountName
from broker.leases.callers import Caller
from broker.leases.errors import NotFound, NotPossible
from broker.leases.texts import text
from tokens.channels import registry
from users.models import User


def find_account(
    caller: Caller, channel: str, native_id: str, seen: AccountQuerySet | None = None
) -> Account:
    """Return an account by its name, of those that are `seen` where that is given. Raises NotFound for one that the key does not see."""
    accounts = Account.objects.all() if seen is None else seen
    canonical = spelt(channel, native_id)
    account = accounts.filter(caller.visible(), channel=channel, native_id=canonical).first()
    if account is None:
        raise NotFound(text("no_account_named", channel=channel, native_id=native_id))
    return account


def find_accounts(caller: Caller, maker: User, names: Sequence[AccountName]) -> list[Account]:
    """Return these accounts, each once. Raises NotFound, naming the first that the key, or whoever made it, does not see."""
    seen = Account.objects.visible_to(maker).select_related("team")
    found = [find_account(caller, one.channel, one.native_id, seen) for one in names]
    return list(dict.fromkeys(found))


def spelt(channel: str, native_id: str) -> str:
    """Return an id as its channel spells it. Raises NotFound for what is none there."""
    try:
        return registry.get(channel).canonical_id(native_id)
    except (registry.UnknownChannel, ValueError) as error:
        raise NotFound(text("no_account_named", channel=channel, native_id=native_id)) from error


def maker_of(caller: Caller, may: str | Callable[[User], bool]) -> User:
    """Return in whose name the key acts: whoever made it, if that person could do it now (`may`: a permission). Raises NotPossible."""
    maker = key_of(caller).created_by
    if (
        maker is None
        or not maker.is_active
        or not (maker.has_perm(may) if isinstance(may, str) else may(maker))
    ):
        raise NotPossible(text("maker_may_not"))
    return maker


def key_of(caller: Caller) -> ApiKey:
    """Return the key. Raises NotPossible for our own code, which has none."""
    key = ApiKey.objects.select_related("created_by").filter(pk=caller.key_id).first()
    if key is None:
        raise NotPossible(text("maker_may_not"))
    return key


def why(caller: Caller, note: str = "") -> str:
    """Return what histories keep beside the maker's name: which key it was, and why."""
    return by_key(caller.name, note)
