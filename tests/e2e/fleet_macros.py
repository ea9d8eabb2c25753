"""What the pages of macros need beside macros: one that only tells at once, and previews that a worker counted, or is about to."""

from dataclasses import replace
from typing import Any

from tests.e2e.fleet import DAY, Fleet


def add(fleet: Fleet, facts: dict[str, Any]) -> dict[str, Any]:
    """Write them and return their ids."""
    from macros.models import Macro, MacroAction

    macro = Macro.objects.create(
        name="Auf der Stelle: Kundenteam Handel und Gastronomie",
        scope="all",
        owner=fleet.boss,
        created_by=fleet.boss,
    )
    for kind in ("deactivated", "recovered", "restricted"):
        MacroAction.objects.create(macro=macro, kind=kind, emails=["kampagnen@agentur-elbe.example"])
    return {"macro_at_once": macro.pk, **_forecasts(fleet, facts)}


def _forecasts(fleet: Fleet, facts: dict[str, Any]) -> dict[str, Any]:
    """An edit of the macro that does everything, counted, and one of which two parts of six are."""
    from macros import changes, counts, forecasts
    from macros.models import Forecast, Macro

    whole, other = (Macro.objects.get(pk=pk) for pk in (facts["macro"], int(facts["macros"].split(",")[0])))
    before = changes.stored_draft(whole)
    assert before is not None
    edit = replace(
        before,
        days=[30, 7],
        watch="token",
        enabled=False,
        people=3,
        emails=[*before.emails[1:], "neu@example.com"],
    )
    counted, _ = forecasts.start(user=fleet.boss, draft=edit, macro=whole, before=before, now=fleet.now)
    for name, draft in forecasts.drafts_of(counted).items():
        counted.found[name] = {part: count(draft, fleet.now, None) for part, count in counts.PARTS.items()}
    counted.state, counted.done = Forecast.State.READY, counted.total
    counted.save()
    going, _ = forecasts.start(
        user=fleet.boss, draft=replace(edit, name=other.name), macro=other, before=before, now=fleet.now
    )
    going.state, going.done, going.claimed_until = Forecast.State.MAKING, 2, fleet.now + DAY
    going.save()
    return {"forecast": counted.pk, "forecast_going": going.pk}
