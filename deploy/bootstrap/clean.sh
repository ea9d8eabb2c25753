#!/usr/bin/env bash
# Remove what was built here: environment, caches, and the demo's data unless AdToken runs on it.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -e var/lock ] && ! flock --nonblock var/lock true; then
    echo "AdToken runs on var/. Stop it first." >&2
    exit 1
fi
# Where root's PostgreSQL keeps its data if it cannot reach this folder: devtools/embedded/privileges.py
rm -rf -- "/var/lib/adtoken-demo/$(printf %s "$(pwd -P)/var/postgres" | sha256sum | cut -c1-16)"
rm -rf .venv var staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis tests/node/node_modules tests/conformance/node/node_modules clients/typescript/node_modules clients/typescript/dist clients/python/.ruff_cache
find . -name __pycache__ -type d -prune -exec rm -rf {} +
