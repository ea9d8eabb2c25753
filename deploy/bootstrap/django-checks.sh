#!/usr/bin/env bash
# The checks that read the settings. Run it by `make check`, which gives it servers and throw-away keys.
set -euo pipefail
cd "$(dirname "$0")/../.."

.venv/bin/python -m mypy . &  # as long as all the rest together, on a core of its own
mypy=$!
trap 'kill "$mypy" 2>/dev/null || true' EXIT
.venv/bin/python manage.py makemigrations --check --dry-run
BASE_URL=https://adtoken.example .venv/bin/python manage.py check --deploy --fail-level WARNING
wait "$mypy"
