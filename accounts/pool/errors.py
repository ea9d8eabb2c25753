"""What can go wrong with accounts, in our words. The text of each is fit for staff: a block of words/actions.txt."""

from ui.errors import Refusal
from ui.phrases import phrase

WORDS = "words/actions.txt"


class ActionRefused(Refusal):
    """An action of staff is not possible now. The text says why."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(phrase(WORDS, code, **facts))
        self.code = code
