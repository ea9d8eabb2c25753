"""The entry of each problem: where its `type` leads."""

from django.http import Http404, HttpRequest
from ninja import Router

from broker.api.codes import Code
from broker.api.schemas import ProblemCode, ProblemEntry

router = Router(tags=["problems"])


@router.get(
    "/problems/{code}",
    response=ProblemEntry,
    auth=None,
    operation_id="get_problem",
    summary="Read what a problem means",
)
def read_problem(request: HttpRequest, code: ProblemCode) -> ProblemEntry:  # noqa: ARG001  # a view
    """Return what a code means, and what a caller makes of it. Needs no key; 404 for a code that there is not."""
    known = next((one for one in Code if one == code), None)
    if known is None:
        raise Http404
    return ProblemEntry(code=known.value, status=known.status, title=known.heading, meaning=known.meaning)
