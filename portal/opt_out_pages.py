"""The confirm page for starting somebody's mails again."""

from macros.models import OptOut
from ui.confirm import Page


def start_again(opt_out: OptOut) -> Page:
    """Return the page. It says whose wish is overruled."""
    started = opt_out.ended_at is not None
    return Page(
        question=f"Mail {opt_out.email} again?",
        lead=f"They stopped their copies of “{opt_out.macro}” themselves, by the link in a mail. Do this only if they ask you to.",
        button="Start the mails again",
        refused="Somebody was faster: they get these mails already." if started else "",
        ask_why=False,
    )
