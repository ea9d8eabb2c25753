"""From a mail as its kind builds it to what leaves and what is kept of it."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.translation import get_language

from notifications import claims, clean, kinds
from notifications.models import Message
from ui import mails
from users import recipients

METADATA = "adtoken"  # what names a mail, where its service keeps it for us


def fit(mail: kinds.Mail) -> kinds.Mail:
    """Return the mail with clean texts and with its styles in the tags of `html`."""
    return kinds.Mail(
        subject=clean.line(mail.subject),
        text=clean.body(mail.text),
        html=mails.with_styles(clean.body(mail.html)),
        headers={name: clean.line(value, 900) for name, value in mail.headers.items()},
        reply_to=None if mail.reply_to is None else clean.line(mail.reply_to, 900),
        stored_text=None if mail.stored_text is None else clean.body(mail.stored_text),
        stored_html=None if mail.stored_html is None else mails.with_styles(clean.body(mail.stored_html)),
    )


def as_email(message: Message, mail: kinds.Mail) -> EmailMultiAlternatives:
    """Return what is handed to the mail server."""
    headers = {
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",
        "Content-Language": get_language(),
        **mail.headers,
    }
    answers_to = mail.reply_to
    if answers_to is None:
        answers_to = recipients.reply_to([message.team_id], reader=message.recipient)
    if answers_to:
        headers["Reply-To"] = answers_to
    email = EmailMultiAlternatives(
        mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [message.recipient], headers=headers
    )
    if settings.MAIL_SERVICE:
        email.metadata = {METADATA: message.mark}  # type: ignore[attr-defined]  # anymail's
    if mail.html:
        # A line longer than mail allows (998 bytes) is encoded letter by letter, in Python: as dear as all the rest of a mail.
        email.attach_alternative(mail.html.replace(' style="', '\nstyle="'), "text/html")
    return email


def as_kept(mail: kinds.Mail) -> claims.Sent:
    """Return what is stored of it: without what is the reader's alone."""
    return claims.Sent(
        subject=mail.subject,
        text=mail.text if mail.stored_text is None else mail.stored_text,
        html=mail.html if mail.stored_html is None else mail.stored_html,
    )
