"""From a mail as its kind builds it to what leaves and what is kept of it."""

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from notifications import claims, clean, kinds
from notifications.models import Message
from users import recipients

_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def fit(mail: kinds.Mail) -> kinds.Mail:
    """Return the mail with clean texts and with its styles inlined."""
    return kinds.Mail(
        subject=clean.line(mail.subject),
        text=clean.body(mail.text),
        html=_html(mail.html),
        headers={name: clean.line(value, 900) for name, value in mail.headers.items()},
        reply_to=clean.line(mail.reply_to, 900),
        stored_text=None if mail.stored_text is None else clean.body(mail.stored_text),
        stored_html=None if mail.stored_html is None else _html(mail.stored_html),
    )


def _html(html: str) -> str:
    return _INLINER.inline(clean.body(html)) if html else ""


def as_email(message: Message, mail: kinds.Mail) -> EmailMultiAlternatives:
    """Return what is handed to the mail server."""
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated", **mail.headers}
    if answers_to := mail.reply_to or recipients.reply_to([message.team_id], reader=message.recipient):
        headers["Reply-To"] = answers_to
    email = EmailMultiAlternatives(
        mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [message.recipient], headers=headers
    )
    if mail.html:
        email.attach_alternative(mail.html, "text/html")
    return email


def as_kept(mail: kinds.Mail) -> claims.Sent:
    """Return what is stored of it: without what is the reader's alone."""
    return claims.Sent(
        subject=mail.subject,
        text=mail.text if mail.stored_text is None else mail.stored_text,
        html=mail.html if mail.stored_html is None else mail.stored_html,
    )
