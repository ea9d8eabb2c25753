"""How a push can be refused. The texts go to whoever sent it, so they contain nothing internal and nothing from the body."""


class PushRefused(Exception):  # noqa: N818  # an answer, not a fault
    """The push is not taken. `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_signature() -> PushRefused:
    """Return the refusal of a push that none of our apps has signed."""
    return PushRefused(403, "None of our apps made this signature.")
