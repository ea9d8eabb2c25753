"""Watches children: restarts what may be restarted, with growing pauses, and stops all in reverse order."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adtoken_project.embedded.processes import Child, StartError, wait_until

PAUSES = (1, 2, 4, 8, 15, 30)  # seconds before each further restart
SAYS_AFTER = 4  # seconds of a stop after which the person at the terminal is told whom it waits for
STEADY_SECONDS = 60  # running this long, a child has earned short pauses again


@dataclass
class _Watched:
    child: Child
    restarts: bool
    serves: bool = False
    failures: int = 0
    started_at: float = field(default_factory=time.monotonic)
    restart_at: float | None = None


class Supervisor:
    """The children of one launcher, in the order of their start."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` shows a line to the person at the terminal."""
        self._say = say
        self._watched: list[_Watched] = []

    def add(self, child: Child, *, restarts: bool, serves: bool) -> None:
        """Watch a child. Without `restarts`, its death ends everything; one that `serves` others ends after them."""
        self._watched.append(_Watched(child, restarts=restarts, serves=serves))

    def run_once(self, child: Child, *, seconds: float, advice: str) -> str:
        """Run a command to its end and return what it wrote. Raises StartError when it fails."""
        watched = _Watched(child, restarts=False)
        self._watched.append(watched)  # so that an interrupt ends it too
        child.start()
        status = child.wait(seconds=seconds)
        child.stop()
        self._watched.remove(watched)
        if status != 0:
            how = f"ended with status {status}" if status is not None else f"took more than {seconds:.0f} s"
            raise StartError(f"{child.name} {how}. {advice}\n{child.last_lines()}\n  Whole log: {child.log}")
        return child.output()

    def require_running(self) -> None:
        """Raise StartError when a child died while we were still starting."""
        for watched in self._watched:
            status = watched.child.exit_code
            if status is not None:
                raise StartError(_death(watched.child, status))

    def look_after(self, *, now: float) -> None:
        """Restart who died. `now` is time.monotonic(). Raises StartError when one died that all others need."""
        for watched in self._watched:
            if watched.restart_at is not None:
                self._restart_if_due(watched, now=now)
            elif (status := watched.child.exit_code) is not None:
                self._note_death(watched, status=status, now=now)

    def _note_death(self, watched: _Watched, *, status: int, now: float) -> None:
        child = watched.child
        if not watched.restarts:
            raise StartError(_death(child, status))
        if now - watched.started_at > STEADY_SECONDS:
            watched.failures = 0
        pause = PAUSES[min(watched.failures, len(PAUSES) - 1)]
        watched.failures += 1
        watched.restart_at = now + pause
        child.stop()  # what is left of its process group would hold its port
        self._say(f"{child.name} ended with status {status}, starts again in {pause} s. Log: {child.log}")

    def _restart_if_due(self, watched: _Watched, *, now: float) -> None:
        if watched.restart_at is None or now < watched.restart_at:
            return
        watched.restart_at = None
        watched.started_at = now
        watched.child.start()
        self._say(f"{watched.child.name} is started again.")

    def stop_all(self) -> None:
        """Stop in reverse order. Those that serve nobody end side by side, which saves time; whoever takes long is named."""
        clients = [watched.child for watched in reversed(self._watched) if not watched.serves]
        for child in clients:
            child.ask_to_stop()
        if not wait_until(lambda: not any(child.is_running() for child in clients), seconds=SAYS_AFTER):
            self._say_who_is_waited_for([child for child in clients if child.is_running()])
        for watched in reversed(self._watched):
            watched.child.stop()

    def stop_at_once(self) -> None:
        """Wait for none that serves nobody; servers write out what they have."""
        for watched in reversed(self._watched):
            if not watched.serves:
                watched.child.kill()
        self.stop_all()

    def _say_who_is_waited_for(self, children: Sequence[Child]) -> None:
        if not children:
            return
        names, seconds = ", ".join(child.name for child in children), max(c.stops_within for c in children)
        self._say(
            f"Waiting for {names} to finish, {seconds:.0f} s at most. Press Ctrl-C again to stop at once: "
            "the answer to a renewal that is under way would be lost, and its log-in with it."
        )


def _death(child: Child, status: int) -> str:
    return f"{child.name} ended with status {status}. Its last lines:\n{child.last_lines()}\n  Whole log: {child.log}"
