"""What a draft of a macro would tell, counted: the mails of the coming days, what it tells at once, who falls short of people."""

from dataclasses import dataclass
from datetime import datetime

from macros import few_preview, news_preview, preview
from macros.few_preview import FewCount
from macros.news_preview import Found
from macros.preview import Draft, Preview


@dataclass(frozen=True)
class Counts:
    """The counts. `few` is None where the draft does not ask for it; `whole`: of all its accounts, else of those that end first."""

    ahead: Preview
    at_once: Found
    few: FewCount | None
    whole: bool


def of(draft: Draft, *, now: datetime) -> Counts:
    """Count now."""
    read = preview.read_of(draft)
    return Counts(
        preview.preview(read, now=now),
        news_preview.find(read, now=now),
        few_preview.count(read, now=now),
        whole=read is draft,
    )
