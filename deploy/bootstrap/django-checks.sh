#!/usr/bin/env bash
# The checks that read the settings. Run it by `make check`, which gives it servers and throw-away keys.
set -euo pipefail
cd "$(dirname "$0")/../.."

.venv/bin/python -m mypy .
.venv/bin/python manage.py makemigrations --check --dry-run
.venv/bin/python -m tests.support.lint_migrations
BASE_URL=https://adtoken.example .venv/bin/python manage.py check --deploy --fail-level WARNING
