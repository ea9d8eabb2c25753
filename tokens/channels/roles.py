"""What the names of a person's roles mean: a channel's own words for them, and whether one of them may publish."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from tokens.channels.kinds import CanPublish


@dataclass(frozen=True)
class RoleTable:
    """The roles of a channel."""

    labels: Mapping[str, str | Promise]  # the widest first
    publishing: frozenset[str]  # those who may write campaigns
    unclear: frozenset[str] = frozenset()  # no document says whether these may
    beside: frozenset[str] = frozenset()  # these come beside a role and say nothing about campaigns
    names_tell: bool = True  # false: a name that we do not know says nothing, so that it leaves nothing open
    scope: str = ""  # the permission without which no role publishes
    none: tuple[str, CanPublish] = ("No role", "no")  # of a person of whom no role is told

    def widest(
        self, names: Iterable[str] | None, *, granted: Collection[str] | None = None
    ) -> tuple[str, CanPublish]:
        """Return the widest role in plain words, and whether it may publish. A name that we do not know leaves that open.

        `names`: None where the answer tells no roles at all. `granted`: the permissions that the person granted; None: not known.
        """
        role, can_publish = self._widest(names)
        lacks = self.scope and granted is not None and self.scope not in granted
        return role, "no" if lacks else can_publish

    def _widest(self, names: Iterable[str] | None) -> tuple[str, CanPublish]:
        if names is None:
            return "", "unknown"
        told = set(names) - self.beside
        if not told:
            return self.none
        unknown = sorted(told - self.labels.keys()) if self.names_tell else []
        label = next((str(self.labels[name]) for name in self.labels if name in told), "")
        return label or ", ".join(unknown)[:100] or self.none[0], self._can_publish(told, unknown)

    def _can_publish(self, told: set[str], unknown: list[str]) -> CanPublish:
        if told & self.publishing:
            return "yes"
        return "unknown" if unknown or told & self.unclear else "no"
