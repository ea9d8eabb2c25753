"""Pages and JSON of the mailbox."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.mailbox.mails import Mail
from sandbox.store import Store
from sandbox.web import page, store_of


def build_mailbox(*, store: Store) -> Starlette:
    """The ASGI application of the mailbox."""
    app = Starlette(
        routes=[
            Route("/", list_page),
            Route("/mails.json", list_json),
            Route("/mails", delete_all, methods=["DELETE"]),
            Route("/delete", delete_all, methods=["POST"]),
            Route("/mails/{mail_id:int}/html", one_html),
            Route("/mails/{mail_id:int}", one_page),
        ]
    )
    app.state.store = store
    return app


def select(request: Request) -> list[Mail]:
    """The mails that fit `to` and `subject` (parts, any case), newest first."""
    to = request.query_params.get("to", "").lower()
    subject = request.query_params.get("subject", "").lower()
    return [
        mail
        for mail in reversed(store_of(request).mails)
        if any(to in address.lower() for address in mail.to) and subject in mail.subject.lower()
    ]


def _find(request: Request) -> Mail | None:
    wanted = request.path_params["mail_id"]
    return next((mail for mail in store_of(request).mails if mail.id == wanted), None)


async def list_page(request: Request) -> Response:
    """All mails, newest first."""
    return page("mailbox/list.html", mails=select(request), to=request.query_params.get("to", ""))


async def one_page(request: Request) -> Response:
    """One mail: HTML in a frame without rights, plain text, raw headers."""
    mail = _find(request)
    return page("mailbox/mail.html", mail=mail) if mail else page("mailbox/gone.html", status=404)


async def one_html(request: Request) -> Response:
    """The HTML part for the frame. It may load nothing and run nothing; its links open in a new tab."""
    mail = _find(request)
    if mail is None:
        return page("mailbox/gone.html", status=404)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
    policy += " allow-popups-to-escape-sandbox"
    return HTMLResponse('<base target="_blank">' + mail.html, headers={"content-security-policy": policy})


async def list_json(request: Request) -> Response:
    """The mails as JSON, newest first."""
    return JSONResponse([mail.as_json() for mail in select(request)])


async def delete_all(request: Request) -> Response:
    """Throw all mails away."""
    store = store_of(request)
    count = len(store.mails)
    store.mails.clear()
    store.changed()
    if request.method == "POST":
        return RedirectResponse("/", status_code=303)
    return JSONResponse({"deleted": count})
