"""How a push can be refused. The texts go to whoever sent it, so they hold nothing of ours and nothing of the body."""


class Refused(Exception):  # noqa: N818  # an answer, not a fault
    """The push is not taken. `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_signature() -> Refused:
    """Return the refusal of a push that no app of ours has signed."""
    return Refused(403, "No app of ours made this signature.")
