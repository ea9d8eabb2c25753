"""Who is mailed about an account without any macro: its people when a log-in stops, is removed or loses the account, and when the channel
restricts the account; where one of them cannot be told, or snoozed that it is restricted, whoever stands in. The rules are those of
`macros.at_once.rules`, said for one address.
"""

from django.utils import timezone

from macros.at_once import rules
from macros.at_once.facts import read
from macros.at_once.models import Told
from macros.why.services import Asked, Line
from users.people.recipients import Via


def by_rule(one: Asked) -> list[Line]:
    """Return what the address is told by rule, or why it is not. A fixed number of queries."""
    now = timezone.now()
    world = read({one.account.pk: now})
    account = world.accounts[one.account.pk]
    own = one.address in account.people()
    reached = not world.directory.unreached(one.address)
    lost = [
        entry for entry in account.log_ins if all(world.directory.unreached(each) for each in entry.people)
    ]
    instead = rules.stand_ins(account, world)
    stands_in = one.address in {reader.address for reader in instead}
    limit = rules.Fact(Told.Kind.RESTRICTED, 0, now)
    hears = one.address in {
        each.reader.address for each in rules.readers(limit, account, world) if not each.action_id
    }
    lines = []
    if own and reached:
        lines.append(
            Line(one.say("rule_own"), "good") if hears else Line(one.say("rule_own_snoozed"), "warn")
        )
    elif own:
        lines.append(Line(one.say("rule_own_unreached"), "bad"))
    elif hears:
        lines.append(Line(one.say("rule_restriction"), "good"))
    if stands_in and lost:
        lines.append(Line(one.say("rule_stands_in", number=len(lost)), "good"))
    elif stands_in and not own:
        lines.append(Line(one.say("rule_not_needed")))
    elif not own:
        via = {reader.via for reader in instead}
        how = "" if not via else "_leads" if Via.TEAM_LEAD in via else "_operators"
        lines.append(Line(one.say(f"rule_others{how}")))
    return lines
