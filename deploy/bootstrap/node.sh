#!/usr/bin/env bash
# Install Node's clients for `make conformance`, and what builds our own, where npm is found. Never fails: without them their tests are skipped,
# and the test run says why.
# Quick when nothing changed. No package's install script is run.
set -uo pipefail
cd "$(dirname "$0")/../.."

stamp=node_modules/installed.json
command -v npm >/dev/null || exit 0
for folder in tests/conformance/node clients/typescript; do
    cmp -s "$folder/package-lock.json" "$folder/$stamp" && continue
    echo "Installing the packages of $folder (half a minute) ..."
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && cp package-lock.json "$stamp")
done
exit 0
