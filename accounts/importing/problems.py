"""What is wrong with a line of a file, in words that say what to do. None of them shows a credential."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ui.phrases import phrase

WORDS = "words/importing.txt"


@dataclass(frozen=True)
class Problem:
    """A block of words/importing.txt with what it names. `number` is the line in the file; 0: it is about the file."""

    number: int
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What is wrong, without the line."""
        return phrase(WORDS, self.code, **self.facts)

    def __str__(self) -> str:
        return phrase(WORDS, "on_line", number=self.number, text=self.text) if self.number else self.text


class ImportRefused(Exception):  # noqa: N818  # an answer
    """The file is not imported, because of these problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems[:3]))
        self.problems = list(problems)
