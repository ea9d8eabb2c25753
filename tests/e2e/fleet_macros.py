"""What the pages of macros need beside macros: one that only tells at once."""

from typing import Any

from tests.e2e.fleet import Fleet


def add(fleet: Fleet) -> dict[str, Any]:
    """Write it and return its id."""
    from macros.models import Macro, MacroAction

    macro = Macro.objects.create(
        name="Auf der Stelle: Kundenteam Handel und Gastronomie",
        scope="all",
        owner=fleet.boss,
        created_by=fleet.boss,
    )
    for kind in ("deactivated", "recovered", "restricted"):
        MacroAction.objects.create(macro=macro, kind=kind, emails=["kampagnen@agentur-elbe.example"])
    return {"macro_at_once": macro.pk}
