"""The web server loads the application in its main process, and forks: nothing may be open then that two processes must not share."""

import subprocess
import sys
from functools import cache

from django.conf import settings

CODE = """
import gc, os, threading
from adtoken_project import wsgi
from django.db import connections
links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]
print(threading.active_count(), sum(link.startswith("socket:") for link in links), connections["default"].connection)
import sys
print("portal.admin" in sys.modules, "adtoken_project.api" in sys.modules)
print(gc.isenabled(), len(gc.get_objects()) < 5_000, gc.get_stats()[2]["collections"] <= 1)
"""
DJANGO = """
import gc, django
django.setup()
print(gc.isenabled(), len(gc.get_objects()) < 5_000)
"""


def test_the_loaded_application_has_one_thread_no_connection_and_all_its_addresses() -> None:
    assert _run(CODE)[:2] == ["1 0 None", "True True"]


def test_the_garbage_collector_waits_until_the_application_is_loaded_and_works_again_then() -> None:
    assert _run(CODE)[2] == "True True True"
    assert _run(DJANGO) == ["True True"]


@cache
def _run(code: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()
