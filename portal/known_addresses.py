"""What somebody may have meant who typed an e-mail address that is not complete."""

from difflib import get_close_matches

from django.db.models import CharField, F, Func, Value
from django.utils.functional import cached_property

from macros import scope
from macros.models import MacroAction
from users.models import User
from users.visibility import people_of

MOST = 1_000  # domains, and actions of macros, that are looked through
NEAR = 0.8  # how alike two domains are, from 0 to 1, of which one is proposed for the other


class KnownDomains:
    """The domains that a person knows, by people and macros that they see: read once, in two queries, where any is asked for."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def _domains(self) -> list[str]:
        return _domains(self.user)

    def meant(self, typed: str) -> str:
        """Return the address at a domain that they know which is near to what was typed; "" where none is."""
        name, _, domain = typed.lower().rpartition("@")
        if not name or not domain:
            return ""
        known, domain = self._domains, domain.rstrip(".")
        begun = [one for one in known if one.startswith(f"{domain}.")]
        if len(begun) == 1:
            return f"{name}@{begun[0]}"
        parts = {one if "." in domain else one.rpartition(".")[0]: one for one in known}  # as much as typed
        near = get_close_matches(domain, parts, 1, NEAR)
        return f"{name}@{parts[near[0]]}" if near else ""


def _domains(user: User) -> list[str]:
    of_email = Func(F("email"), Value("@"), Value(2), function="split_part", output_field=CharField())
    people = people_of(user).filter(is_active=True).order_by().annotate(domain=of_email)
    found = set(people.values_list("domain", flat=True).distinct()[:MOST])
    actions = MacroAction.objects.filter(macro__in=scope.visible_macros(user).order_by().values("pk"))
    for emails in actions.values_list("emails", flat=True)[:MOST]:
        found.update(one.rpartition("@")[2].lower() for one in emails)
    return sorted(found - {""})
