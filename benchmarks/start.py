"""The start of the web server, and what each of its processes takes of the memory once it has served."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import data, web
from benchmarks.measure import Figures, Section, interleave, tree_cpu
from benchmarks.parts import Run
from devtools.embedded.processes import StartError, wait_until

PROCESSES = 2  # that the web server is started with
MIB = 1024  # kilobytes, in which the kernel tells memory


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled: the processes serve leases before their memory is read."""
    section = Section(f"Start and memory of the web server, {run.rounds} starts, {run.seconds:g} s of leases")
    section.results = interleave(
        {"web server, 2 processes and one more": lambda: _start(run)}, rounds=run.rounds
    )
    return [section]


def _start(run: Run) -> Figures:
    with ExitStack() as stack:
        server = web.product(run.environment, stack, "start")
        whole = tree_cpu(server.pid)
        load = web.Load(run.environment, run.seconds, data.make_key())
        further = _one_more(server.pid)
        first, count = data.FIRST_NATIVE_ID, min(run.accounts, 10_000)
        paths = [f"/api/v1/accounts/{data.CHANNEL}/{first + number}/lease" for number in range(count)]
        load.ask(server, load.file([(path, "{}") for path in paths]))
        memory = [_memory(pid) for pid in _children(server.pid)]
        return {
            "CPU seconds until it is ready": whole,
            "CPU seconds of a further process until it is ready": further,
            "memory of its own, MiB a process (mean)": sum(own for own, _ in memory) / len(memory) / MIB,
            "share of the memory, MiB a process (mean)": sum(share for _, share in memory)
            / len(memory)
            / MIB,
            "share of the memory, MiB, main process": _memory(server.pid)[1] / MIB,
        }


def _one_more(main: int) -> float:
    """Have gunicorn start a process more. Returns the CPU seconds that it took until it waits for requests. Raises StartError."""
    if not wait_until(lambda: len(_children(main)) == PROCESSES, seconds=60):
        raise StartError(f"There are no {PROCESSES} processes.")
    before = set(_children(main))
    os.kill(main, signal.SIGTTIN)
    if not wait_until(lambda: len(_children(main)) > len(before), seconds=60):
        raise StartError("No further process starts.")
    (new,) = set(_children(main)) - before
    used = -1.0
    while used != (used := tree_cpu(new)):
        time.sleep(1)
    return used


def _children(pid: int) -> list[int]:
    return [
        int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    ]


def _memory(pid: int) -> tuple[int, int]:
    """Return what a process has for itself, and that with its share of what it has in common with others. In kilobytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return sizes["Private_Clean"] + sizes["Private_Dirty"], sizes["Pss"]
