"""`python -m benchmarks.mail_sender WARM_UP SECONDS`: one more worker process that sends what waits.

It says "ready", and begins once its standard input says when that is (seconds since 1970). It opens its connections and sends while it
warms up, then for so many seconds more. Prints the CPU seconds of these.
"""

import argparse
import logging
import sys
import time
from collections.abc import Mapping

import django

from benchmarks.measure import tree_cpu

OWN = "CPU"


class Window:
    """The seconds that are measured: those after the warm-up of a run that asks `goes_on` before each mail."""

    def __init__(self, began: float, warm_up: float, seconds: float, watched: Mapping[str, int]) -> None:
        self.began, self.begins, self.ends = began, began + warm_up, began + warm_up + seconds
        self._watched = watched  # processes, whose CPU is measured, too
        self._at_start = self._used()
        self._before: dict[str, float] | None = None

    def goes_on(self) -> bool:
        """Return whether there is time left."""
        now = time.time()
        if self._before is None and now >= self.begins:
            self._before = self._used()
        return now < self.ends

    def used(self, *, whole: bool = False) -> dict[str, float]:
        """Return the CPU seconds of this process and of those watched until now; of the `whole` run where asked, or where it was over."""
        before = self._at_start if whole or self._before is None else self._before
        return {name: value - before[name] for name, value in self._used().items()}

    def _used(self) -> dict[str, float]:
        others = {f"{name} CPU": tree_cpu(pid) for name, pid in self._watched.items()}
        return {OWN: time.process_time()} | others


def main() -> None:
    """Send."""
    parser = argparse.ArgumentParser()
    parser.add_argument("warm_up", type=float, help="seconds before those that are measured")
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    django.setup()
    logging.disable(logging.INFO)
    from macros.warnings import mails
    from notifications.delivery import services as delivery
    from notifications.models import Message

    for message in Message.objects.order_by("pk")[:20]:
        mails.build_mail(message)  # what is loaded once is loaded
    print("ready", flush=True)
    window = Window(float(sys.stdin.readline()), options.warm_up, options.seconds, {})
    delivery.deliver(goes_on=window.goes_on)
    print(window.used()[OWN], flush=True)


if __name__ == "__main__":
    main()
