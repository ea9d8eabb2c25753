"""To which team a mail about log-ins belongs."""

from collections.abc import Sequence

from tokens.models import Token
from users.models import Team


def team_of(tokens: Sequence[Token], teams: tuple[int, ...] = ()) -> Team | None:
    """Return the team that a mail about the log-ins' accounts (of these teams) belongs to; None where it tells of several.

    The team decides which staff may read the mail.
    """
    ids = set(teams) or {team_id for token in tokens for team_id in _team_ids(token)}
    return Team.objects.filter(pk__in=ids).first() if len(ids) == 1 else None


def _team_ids(token: Token) -> list[int]:
    return list(token.pool_entries.order_by().values_list("account__team", flat=True).distinct())
