"""Who is mailed about an account without any macro: its people when a log-in stops, is removed or loses the account, and when the channel
restricts the account; where one of them cannot be told, or snoozed that it is restricted, whoever stands in. The rule is that of
`accounts.readers` and `accounts.telling`, said for one address.
"""

from django.utils import timezone

from accounts import readers
from accounts.models import AccountToken
from accounts.telling import news
from macros.why import Asked, Line
from tokens.models import Token
from users import refused_addresses
from users.recipients import Via, fallback

POOL = 50  # log-ins that are looked at, in their order


def by_rule(one: Asked) -> list[Line]:
    """Return what the address is told by rule, or why it is not. A few queries; one more for each system user of the pool."""
    entries = list(one.account.pool.select_related("token__consented_by", "token__app")[:POOL])
    own, reached, unreached = _sorted(one, entries)
    instead = fallback([one.account.team_id]).get(one.account.team_id)
    stands_in = instead is not None and one.address in instead.addresses
    hears = one.address in news.of_restriction(one.account, timezone.now())
    lines = []
    if own and reached:
        lines.append(
            Line(one.say("rule_own"), "good") if hears else Line(one.say("rule_own_snoozed"), "warn")
        )
    elif own:
        lines.append(Line(one.say("rule_own_unreached"), "bad"))
    elif hears:
        lines.append(Line(one.say("rule_restriction"), "good"))
    if stands_in and unreached:
        lines.append(Line(one.say("rule_stands_in", number=unreached), "good"))
    elif stands_in and not own:
        lines.append(Line(one.say("rule_not_needed")))
    elif not own:
        lines.append(Line(one.say("rule_others" if instead is None else f"rule_others_{_via(instead.via)}")))
    return lines


def _sorted(one: Asked, entries: list[AccountToken]) -> tuple[bool, bool, int]:
    """Return whether a log-in concerns the address, whether mail reaches it, and how many log-ins have nobody whom mail reaches."""
    people = {entry.token.consented_by.email for entry in entries if entry.token.consented_by}
    parked = refused_addresses.among([*people, one.address])
    own, unreached = False, 0
    for entry in entries:
        if entry.token.kind == Token.Kind.SYSTEM:
            told = readers.of_token(entry.token)
            own = own or any(each.address == one.address and not each.via for each in told)
            unreached += all(each.via for each in told)
            continue
        person = entry.token.consented_by
        own = own or (person is not None and person.email == one.address)
        unreached += person is None or not person.is_active or person.email in parked
    reached = one.address not in parked and (one.user is None or one.user.is_active)
    return own, reached, unreached


def _via(via: Via) -> str:
    return "leads" if via == Via.TEAM_LEAD else "operators"
