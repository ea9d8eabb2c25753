# `make` lists what there is. Nothing but make and Debian 13's Python 3.13 is expected on the machine.
# Choose a newer Python with `make PYTHON=python3.14 run`; ports and folder with WEB_PORT, SANDBOX_PORT and VAR.

.DEFAULT_GOAL := help
.PHONY: help run test quick conformance year drills check lint format words lock size bench docs release image clean venv venv-dev venv-release chromium

PY := .venv/bin/python
export PYTHON
export PYTHONDONTWRITEBYTECODE :=# without compiled files, each of the many processes started here takes 1.6 s of processor time instead of 0.5
PROCESSES := 4# of tests: two more than two cores, because many tests wait for servers, workers and browsers
LOCK = $(PY) -m uv pip compile -q --universal --python-version 3.13 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: venv ## start everything on this machine: http://127.0.0.1:8000, stop with Ctrl-C
	@$(PY) -m devtools.launcher

test: venv-dev chromium ## all tests, those in a real browser too
	@$(PY) -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

quick: venv-dev ## the tests that need no browser and little time
	@$(PY) -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder -m "not browser and not slow"

conformance: venv-dev ## the vendors' own clients against the sandbox: installs them, which binds you to their licences
	@deploy/bootstrap/venv.sh dev conformance
	@deploy/bootstrap/node.sh
	@$(PY) -m pytest tests/conformance

year: venv-dev ## a simulated year of all channels, consents at all 24 hours: minutes
	@WHOLE_YEAR=1 $(PY) -m pytest -n 2 -s tests/contract/test_year.py

drills: venv-dev ## kill, freeze, flush and restart what the product stands on, for 20 minutes at most
	@$(PY) -m drills

check: lint test ## what CI runs: format, lint, types, import order, migrations, production settings, tests

lint: venv-dev
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@.venv/bin/djangofmt --quiet --check templates
	@PYTHONPATH=clients/python .venv/bin/lint-imports --no-cache
	@$(PY) -m tests.support.with_servers deploy/bootstrap/django-checks.sh

format: venv-dev ## put code and templates into shape
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --quiet --fix .
	@.venv/bin/djangofmt --quiet templates

words: venv-dev ## renew the catalogues of words, after changing any
	@deploy/bootstrap/gettext.sh
	@$(PY) -m tests.tools.words

lock: venv-dev ## renew requirements*.txt from requirements*.in
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-demo.in -o requirements-demo.txt
	@$(LOCK) --no-strip-extras requirements-dev.in -o requirements-dev.txt
	@$(LOCK) requirements-conformance.in -o requirements-conformance.txt
	@$(LOCK) requirements-release.in -o requirements-release.txt

size: venv-dev ## how much there is: bytes of the product, of templates, of tests, words of the documents
	@$(PY) -m tests.tools.size

bench: venv-dev ## measure: how fast, how many
	@$(PY) -m benchmarks

docs: venv-release ## build the pages as a site with a search: var/docs/index.html
	@rm -rf var/docs var/docs-cache
	@PYTHONPATH=. $(PY) -m sphinx --quiet --fail-on-warning --keep-going -c docs -d var/docs-cache . var/docs

release: venv-release ## check what is committed, and make archive, hashes, list of packages, pages and tag of its version
	@deploy/bootstrap/release.sh --check
	@$(MAKE) --no-print-directory check docs
	@deploy/bootstrap/release.sh

image: ## build the container's image, named by its version
	@deploy/bootstrap/image.sh

clean: ## remove what was built here, the demo's data too
	@deploy/bootstrap/clean.sh

venv:
	@deploy/bootstrap/venv.sh

venv-dev:
	@deploy/bootstrap/venv.sh dev

venv-release:
	@deploy/bootstrap/venv.sh dev release

chromium: venv-dev
	@deploy/bootstrap/chromium.sh
