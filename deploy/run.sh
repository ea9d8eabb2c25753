#!/bin/sh
# As root: run a command in this folder as the units run theirs, by their user and with the settings of /etc/adtoken/env.
#   /opt/adtoken/deploy/run.sh .venv/bin/python manage.py doctor
# Input, output and exit status are the command's own. MORE_ENV=FILE: what stands in that file goes before /etc/adtoken/env.
set -eu
exec systemd-run --quiet --collect --wait --pipe --pty \
  --uid=adtoken --gid=adtoken --property=EnvironmentFile=/etc/adtoken/env ${MORE_ENV:+"--property=EnvironmentFile=$MORE_ENV"} \
  --property="WorkingDirectory=$(cd "$(dirname "$0")/.." && pwd -P)" --property=UMask=0077 \
  /usr/bin/env "$@"
