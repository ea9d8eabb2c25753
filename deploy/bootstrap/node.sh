#!/usr/bin/env bash
# Install Node's clients for `make conformance` where npm is found. Never fails: without them their tests are skipped, and the test run says why.
# Quick when nothing changed. No package's install script is run.
set -uo pipefail
cd "$(dirname "$0")/../../tests/conformance/node"

stamp=node_modules/installed.json
command -v npm >/dev/null || exit 0
cmp -s package-lock.json "$stamp" && exit 0
echo "Installing Node's clients (half a minute) ..."
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && cp package-lock.json "$stamp"
exit 0
