"""The page that asks many people for many log-ins: who, and for what. A worker writes the mails; its page says what came of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import asks_of_app
from accounts.asks_of_app import Waiting
from portal import as_read, asking, campaign_people, campaign_rows, jobs
from ui import confirm
from ui.confirm import Done, Frame, Page, Said
from users.visibility import names_for

PEOPLE = "people"  # what these pages show, see `as_read`


@dataclass(frozen=True)
class AskPage:
    """One such page: its words, where it leads back to, and the kind of job."""

    template: str
    back: str
    facts: Mapping[str, Any]
    kind: str
    subject_id: int
    nobody: Callable[[], str]  # why there is no button, where there is no log-in at all


def answer(request: HttpRequest, ask: AskPage, waiting: Waiting, *, frame: Frame) -> HttpResponse:
    """Show who would be asked (GET), then ask them (POST). The caller has asked for the permission."""
    now = timezone.now()
    groups = asks_of_app.groups(waiting, now)
    shown = [group.id for group in groups[: confirm.SHOWN]]
    details = asks_of_app.details(waiting, shown, now)
    unreached = campaign_people.parked([group.id for group in groups if group.live])
    live = [group for group in groups if group.live and group.id not in unreached]
    found = {pk: details[pk] for pk in shown if pk in details}
    people = [group.id for group in groups if group.id > 0]
    lines = asking.lines_of(found.values(), names_for(request.user))
    page = Page(
        ask.template,
        ask.back,
        {**ask.facts, "live": len(live)},
        lines=[
            replace(line, skipped=campaign_rows.say("parked")) if pk in unreached else line
            for pk, line in zip(found, lines, strict=True)
        ],
        unread=len(groups) - len(shown),
        refused="" if live else str(asking.NOBODY) if groups else ask.nobody(),
        seen=f"{as_read.mark(PEOPLE, people, len(people))}.",
    )

    def do(said: Said) -> Done:
        if page.refused:
            return Done(nothing=True, failures=[page.refused])
        keys = as_read.kept(request, PEOPLE, people)
        if not keys:
            return as_read.read_again(request)
        skipped = len(groups) - len(keys)
        return jobs.start(request, ask.kind, keys, subject_id=ask.subject_id, note=said.note, skipped=skipped)

    return confirm.answer(request, page, do, frame=frame)
