"""What cannot be done now, and why."""


class Refusal(Exception):  # noqa: N818  # an answer, not a fault
    """An action is not possible now. Its text says why, for the person who asked for it."""
