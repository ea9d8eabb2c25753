"""`python -m tests.support.with_servers COMMAND...`: run a command beside throw-away servers and keys, as tests get them."""

import subprocess
import sys

from devtools.embedded.processes import StartError
from tests.support.servers import prepare


def main() -> int:
    """Return the command's exit status."""
    try:
        with prepare():
            return subprocess.run(sys.argv[1:], check=False).returncode
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
