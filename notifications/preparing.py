"""From a mail as its kind builds it to what leaves and what is kept of it."""

from django.conf import settings
from django.utils.translation import get_language

from notifications import bounce_tokens, claims, clean, kinds, service_reports
from notifications.mime import Email
from notifications.models import Message
from ui import mail_html
from users import recipients

_STYLE = ' style="'
_LINE = 500  # characters, of a line that may end


def fit(mail: kinds.Mail) -> kinds.Mail:
    """Return the mail with clean texts and with its styles in the tags of `html`."""
    stored = mail.stored_html
    return kinds.Mail(
        subject=clean.line(mail.subject),
        text=clean.body(mail.text),
        html=_html(mail.html, mail.styled),
        headers={name: clean.line(value, 900) for name, value in mail.headers.items()},
        reply_to=None if mail.reply_to is None else clean.line(mail.reply_to, 900),
        stored_text=None if mail.stored_text is None else clean.body(mail.stored_text),
        stored_html=None if stored is None else _html(stored, stored if mail.styled else ""),
    )


def _html(html: str, styled: str) -> str:
    if styled or not html:
        return clean.body(styled)
    return mail_html.with_styles(clean.body(html))


def _in_lines(html: str) -> str:
    """Return the HTML with long lines ended before a tag's styles, which make them longer than mail allows (998 bytes).

    Longer ones would be encoded for the way letter by letter, in Python: that takes as long as building the text does.
    """
    made, length = list[str](), 0
    for piece in html.split(_STYLE):
        if made:
            made.append(_STYLE if length < _LINE else "\n" + _STYLE[1:])
            length = length + len(_STYLE) if length < _LINE else 0
        made.append(piece)
        last = piece.rfind("\n")
        length = length + len(piece) if last < 0 else len(piece) - last
    return "".join(made)


def as_email(message: Message, mail: kinds.Mail) -> Email:
    """Return what is handed to the mail server."""
    headers = {
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",
        "Content-Language": get_language(),
        **bounce_tokens.headers(message),
        **mail.headers,
    }
    answers_to = mail.reply_to
    if answers_to is None:
        answers_to = recipients.reply_to([message.team_id], reader=message.recipient)
    if answers_to:
        headers["Reply-To"] = answers_to
    sender = bounce_tokens.return_path(message)
    if sender:
        headers["From"] = settings.DEFAULT_FROM_EMAIL
    sender = sender or settings.DEFAULT_FROM_EMAIL
    email = Email(mail.subject, mail.text, sender, [message.recipient], headers=headers)
    if settings.MAIL_SERVICE:
        email.metadata = {service_reports.METADATA: bounce_tokens.token_of(message)}
    if mail.html:
        email.attach_alternative(_in_lines(mail.html), "text/html")
    return email


def as_kept(mail: kinds.Mail) -> claims.Sent:
    """Return what is stored of it: without what is the reader's alone."""
    return claims.Sent(
        subject=mail.subject,
        text=mail.text if mail.stored_text is None else mail.stored_text,
        html=mail.html if mail.stored_html is None else mail.stored_html,
    )
