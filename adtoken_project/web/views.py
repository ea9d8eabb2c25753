"""What a request is answered that ended in one of our exceptions: 503 where the database was away or took too long, else 500."""

import sys
from collections.abc import Iterator
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token
from psycopg.errors import QueryCanceled

RETRY_AFTER = 5  # seconds


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's handler500
    """Answer. Django calls it while it handles the exception. Below /api/ a middleware makes problem+json of it."""
    causes = list(_causes(sys.exc_info()[1]))
    if any(isinstance(one, OperationalError | InterfaceError) for one in causes):
        took_too_long = any(isinstance(one, QueryCanceled) for one in causes)
        page = loader.get_template("503.html").render({"took_too_long": took_too_long})
        answer = HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE)
        answer["Retry-After"] = str(RETRY_AFTER)
        return answer
    return HttpResponse(loader.get_template("500.html").render(), status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an exception and what it was raised from, or while handling."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
