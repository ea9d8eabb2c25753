"""The web server loads the application in its main process, and forks: nothing may be open then that two processes must not share."""

import subprocess
import sys

from django.conf import settings

CODE = """
import gc, os, threading
from adtoken_project import asgi
from django.db import connections
links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]
print(threading.active_count(), sum(link.startswith("socket:") for link in links), connections["default"].connection)
import sys
print("portal.admin" in sys.modules, "adtoken_project.api.application" in sys.modules)
print(gc.isenabled(), len(gc.get_objects()) < 5_000, gc.get_stats()[2]["collections"] <= 1)
"""


def test_the_loaded_application_has_one_thread_no_connection_all_its_addresses_and_little_garbage() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.splitlines() == ["1 0 None", "True True", "True True True"]
