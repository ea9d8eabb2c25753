"""`python -m tests.e2e.ready_python`, in the product's environment: a Python that has loaded Django, and forks for each command.

Each command in a process of its own loaded it anew, for most of a second. Reads one command a line, as JSON: its arguments as Python takes
them, and what is added to the environment. Answers each with a line: its status, what it printed, and what it said of errors.
"""

import json
import os
import runpy
import sys
import tempfile
import traceback
from typing import IO, Any, NoReturn

import django


def main() -> None:
    """Answer as long as somebody asks."""
    django.setup()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        answers.write(json.dumps(_answer(**json.loads(line))) + "\n")
        answers.flush()


def _answer(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Do it in a child, and say what came of it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            _become(command, environment, out, err)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"status": status, "printed": out.read(), "said": err.read()}


def _become(command: list[str], environment: dict[str, str], out: IO[str], err: IO[str]) -> NoReturn:
    """Be the command, from its first line to the end of the process."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the next commands are not this one's to read
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.environ |= environment
    status = 0
    try:
        _run(*command)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  # as Python does: it is said, and the status is 1
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(first: str, *arguments: str) -> None:
    """Do what Python does with these arguments."""
    if first == "-c":
        exec(arguments[0], {"__name__": "__main__"})
    elif first == "-m":
        sys.argv[1:] = arguments[1:]
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = [first, *arguments]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
