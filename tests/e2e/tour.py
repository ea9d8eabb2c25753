"""The commands of docs/tour.md, run as they are written there: one shell for all of them, as a reader has one window open."""

import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.product import ROOT, Product, bare_environment

TOUR = ROOT / "docs" / "tour.md"
_BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(curl [^`]+)`")
_EXPECTED = re.compile(r"^(?P<command>\S.*?)\s{2,}# (?P<words>.+)$")


class TourShell:
    """A shell in a folder that looks like the reader's checkout. Addresses and ports are those of the running product."""

    def __init__(self, product: Product, folder: Path) -> None:
        folder.mkdir()
        (folder / "var").symlink_to(product.var)
        for name in (".venv", "manage.py"):
            (folder / name).symlink_to(ROOT / name)
        self.product = product
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env=bare_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def follow(self, heading: str) -> None:
        """Run the blocks below a heading of the tour. What follows "# " on a line must be in what the line prints."""
        section = TOUR.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
        blocks = _BLOCK.findall(section) or [f"{command}\n" for command in _INLINE.findall(section)]
        assert blocks, f"no commands below {heading!r}"
        for block in blocks:
            waiting: list[str] = []
            for line in block.splitlines():
                expected = _EXPECTED.match(line)
                waiting.append(expected["command"] if expected else line)
                if expected:
                    printed = self._run("\n".join(waiting))
                    waiting = []
                    for word in re.findall(r"\w+", expected["words"].partition("...")[0]):
                        assert word in printed, (line, printed)
            if waiting:
                self._run("\n".join(waiting))

    def _run(self, commands: str) -> str:
        """Run commands and return what they printed. A command that fails ends the test."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for reader, ours in (
            ("http://127.0.0.1:8000", self.product.web),
            ("http://127.0.0.1:8100", self.product.channels.base),
        ):
            commands = commands.replace(reader, ours)
        self.process.stdin.write(f"{commands}\necho; echo __END__ $?\n")
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line.startswith("__END__"):
                return printed
            printed += line
        raise AssertionError(f"the shell ended: {printed}")
