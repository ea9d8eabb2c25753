"""Bringing in accounts and tokens from before. One service with two doors: a command, and a page of the portal.

`tables` reads a file, `checking` says of each line what is wrong with it, `planning` what is here already, `writing` writes. What a page
was given is kept by `uploads` until it is imported; a worker imports it (`accounts.many.importing`).
"""

from accounts.importing.checking import COLUMNS, ImportLine, read
from accounts.importing.problems import ImportRefused
from accounts.importing.writing import Result, write

# First checks of one process, at a channel that answers within 200 ms: 3,459 to 4,096 on a machine that had other work to do, 4,670 when
# it was measured again (docs/performance.md, Sweeps).
CHECKED_A_MINUTE = 3_400

__all__ = ["CHECKED_A_MINUTE", "COLUMNS", "ImportLine", "ImportRefused", "Result", "read", "write"]
