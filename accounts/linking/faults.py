"""What a call that failed while linking says of our app."""

from datetime import datetime

from tokens import app_faults, unknown_answers
from tokens.channels.kinds import ChannelError, Verdict
from tokens.models import ChannelApp


def note(app: ChannelApp, error: ChannelError, call: str, now: datetime) -> None:
    """Keep what a failed call says of our app, and an answer that we do not know. `call`: where the answer does not tell."""
    if error.classification.verdict == Verdict.APP_FAULT:
        call = str(error.evidence.get("call", call))
        app_faults.record(app=app, classification=error.classification, call=call, now=now)
    unknown_answers.keep(app, error.classification, error.evidence, token_id=None, now=now)
