#!/usr/bin/env python3
"""Django's command line for AdToken."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")
    from django.core.management import execute_from_command_line

    from adtoken_project import env
    from users.installation.hold import OnHold

    # These gather files or words: they run in a bare checkout, too, as where an image is built.
    if sys.argv[1:2] in (["collectstatic"], ["makemessages"], ["compilemessages"]):
        env.stand_in()
    try:
        with env.told_in_one_line():
            execute_from_command_line(sys.argv)
    except OnHold as error:  # a command that would call a channel
        sys.exit(str(error))


if __name__ == "__main__":
    main()
