"""Pages and JSON of the mailbox."""

import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.mailbox.mails import Mail
from sandbox.mailbox.smtp import Rejection, SmtpRules
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


async def smtp_rules(request: Request) -> Response:
    """Read or replace how the mail server behaves. What a POST leaves out goes back to normal."""
    rules: SmtpRules = request.app.state.smtp_rules
    if request.method == "POST":
        try:
            set_rules(rules, await request.json())
        except (TypeError, ValueError, re.error) as error:
            return _error(400, f"cannot use this: {error}")
    shown = {"reject": [vars(rule) for rule in rules.reject], "delay": rules.delay, "late": rules.late}
    return JSONResponse(shown | {"drop_after_data": rules.drop_after_data})


def set_rules(rules: SmtpRules, data: dict[str, Any]) -> None:
    """Replace the rules by those of a control call; raises TypeError, ValueError or re.error and changes nothing then."""
    unknown = set(data) - {"reject", "delay", "late", "drop_after_data"}
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    reject = [Rejection(**rule) for rule in data.get("reject", [])]
    for rule in reject:
        re.compile(rule.to)
    delay, drop = float(data.get("delay", 0)), int(data.get("drop_after_data", 0))
    rules.reject, rules.delay, rules.late = reject, delay, bool(data.get("late", False))
    rules.drop_after_data = drop


def _error(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status_code=status)
