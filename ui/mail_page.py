"""A mail as HTML, on a page of its own: in the portal and on the pages of people."""

from django.http import HttpResponse

# A mail is content from outside the portal: nothing in it may run, load or submit. Only pages of AdToken hold it in a frame.
POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def answer(html: str) -> HttpResponse:
    """Return the mail's HTML under a policy of its own."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response.csp_exempt = True  # type: ignore[attr-defined]  # csp's way: its own header would replace ours
    return response
