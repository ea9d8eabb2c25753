"""Operations that jobs call all the time: declared once, described by ninja, and served without it.

Ninja builds a model for the path, one for the body and one for the answer at each call, which was a third of a lease. What is declared
here is what the schema says: the same path, body and answer.

What people's work needs goes through ninja's own router: there every POST takes an Idempotency-Key (`adtoken_project.api.once`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from ninja import Router
from pydantic import BaseModel

View = Callable[..., BaseModel]
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """A POST whose last argument is its body. `pattern` is matched against what comes after /api/v1."""

    path: str
    pattern: re.Pattern[str]
    view: View
    body_name: str
    body: type[BaseModel]

    @property
    def django(self) -> str:
        """The path as Django's routes are written."""
        return _NAME.sub(r"<\1>", self.path)

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return the values in the path by their names, or None where it is another route's."""
        found = self.pattern.fullmatch(path)
        return found.groupdict() if found else None


class Routes:
    """What was declared, in this order."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.declared: list[Route] = []

    def post(
        self, path: str, *, answer: type[BaseModel], operation_id: str, summary: str
    ) -> Callable[[View], View]:
        """Declare a view: `view(request, **names in the path, body)`. The body's model is the annotation of the last argument."""

        def declare(view: View) -> View:
            describe: Any = self._router.post(
                path, response=answer, operation_id=operation_id, summary=summary
            )
            describe(view)
            hints = get_type_hints(view)
            hints.pop("return")
            body_name, body = list(hints.items())[-1]
            pattern = re.compile(_NAME.sub(r"(?P<\1>[^/]+)", path))
            self.declared.append(Route(path, pattern, view, body_name, body))
            return view

        return declare
