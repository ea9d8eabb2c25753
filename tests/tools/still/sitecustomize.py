"""Makes the stand-ins stand still in a snapshot; Python imports it in each process that has this folder in PYTHONPATH.

Two snapshots must hold the same dates to the second and the same ids: the order of lists depends on them. `set_clock` of the stand-ins
moves their clock.
"""

import random
import secrets
import sys
import time

if sys.orig_argv[1:3] == ["-m", "sandbox"]:
    _begun, _dice = time.time(), random.Random(0)
    time.time = lambda: _begun
    secrets.choice, secrets.randbelow = (
        _dice.choice,
        lambda exclusive_upper_bound: _dice.randrange(exclusive_upper_bound),
    )
