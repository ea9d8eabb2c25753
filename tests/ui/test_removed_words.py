import pytest

from accounts.removal import Ended
from tokens.channels import registry
from ui import confirm
from ui.confirm import Page


@pytest.mark.parametrize(
    "template", ["portal/confirm/revoke_log_in.html", "selfservice/confirm/remove_log_in.html"]
)
@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended.TAKEN, " ended the "),
        (Ended.NO_CALL, "remove AdToken there"),
        (Ended.LATER, "goes on asking for a day"),
    ],
)
def test_after_a_log_in_was_removed_the_page_says_how_far_it_came_at_the_channel(
    template: str, ended: Ended, words: str
) -> None:
    page = Page(template, "/", {"channel": registry.get("facebook")})

    said = confirm.words(page, "done", ended=ended.value)

    assert words in said
