"""Makes the clock of the stand-ins stand still in a snapshot; Python imports it in each process that has this folder in PYTHONPATH.

Two snapshots must hold the same dates to the second, and the order of lists hangs on them. `set_clock` of the stand-ins moves it.
"""

import sys
import time

if sys.orig_argv[1:3] == ["-m", "sandbox"]:
    _begun = time.time()
    time.time = lambda: _begun
