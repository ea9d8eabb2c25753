"""Lists that come page by page. What could not be read makes a list incomplete, never shorter in silence."""

from collections.abc import Callable, Iterator

from tokens.channels.http import Limit
from tokens.channels.kinds import ChannelError


class Pages[T]:
    """The pages of a list, asked for one after the other; once they have been gone through, `complete` says whether those were all.

    `ask` takes a cursor ("" for the first page) and returns a page with the cursor of the next one: None on the last, "" where more is
    promised and nothing leads there. Not all of them come where a later page fails, a cursor leads in a circle, there are more than `most`
    pages, or the time of `limit` is over.
    """

    def __init__(
        self, ask: Callable[[str], tuple[T, str | None]], *, most: int, limit: Limit | None = None
    ) -> None:
        self._ask, self._most, self._limit = ask, most, limit
        self.complete = False

    def __iter__(self) -> Iterator[T]:
        """Yield page after page. Raises ChannelError where the first one fails."""
        cursor: str | None = ""
        seen: set[str] = set()
        while cursor is not None and cursor not in seen and len(seen) < self._most:
            if seen and self._limit is not None and self._limit.over:
                return
            seen.add(cursor)
            try:
                page, cursor = self._ask(cursor)
            except ChannelError:
                if len(seen) == 1:
                    raise
                return
            yield page
        self.complete = cursor is None
