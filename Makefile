PYTHON ?= python3
VENV := .venv
# Compiled once, whatever the environment says: the suite and the bench start many servers, each in a quarter of the time.
export PYTHONDONTWRITEBYTECODE =
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -q --disable-pip-version-check --require-hashes
SOURCES := $(shell find templates static/js static/css static/build.py views domain -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: run demo test test-sqlite test-postgres test-browsers stories crashes fuzz twins oracle door sale interleavings formulas funnel check audit-verify bench lighthouse setup setup-dev screenshots lock clean

run: setup
	@$(PY) app.py

demo: setup
	@GUILDHALL_ENV=demo GUILDHALL_DATA=$${GUILDHALL_DATA:-var/demo} $(PY) app.py

# The whole suite on SQLite, and on PostgreSQL the fewest tests that say every statement again (docs/decisions/suite.md). Four
# tell on two cores, since browsers and databases make who asks them wait.
test: setup-dev
	mkdir -p var
	$(PY) -m pytest -n 4 --statements=var/statements.json
	$(PY) -m pytest -n 4 --statements=var/statements.json --on postgres

test-sqlite: setup-dev
	$(PY) -m pytest -n 4

# All that touches rows, on PostgreSQL: after a change of the seam, and before a release.
test-postgres: setup-dev
	$(PY) -m pytest -n 4 --on postgres

# A thousand stories of billing events, each told twice, must end in the same rows; the suite tells fifteen, and three
# in the words of each other provider. STORY_SEED=7 tells others, FIRST_STORY=400 begins with that one.
stories: setup-dev
	STORIES=$${STORIES:-1000} $(PY) -m pytest tests/domain/money/test_billing_stories.py tests/domain/money/test_stories_elsewhere.py

# kill -9 at every point of taking in, working off and sending, and at ten of an import and of a field that becomes another
# kind; the suite dies a share of these deaths.
crashes: setup-dev
	CRASHES=1 $(PY) -m pytest tests/jobs/test_killed_billing.py tests/jobs/test_killed_imports.py tests/jobs/test_killed_kind_changes.py tests/jobs/test_killed_newsletter.py

# 200 people at once tell of the same 50 visitors of a flyer: a row an act, and sums that are those of the rows; the suite has 20.
funnel: setup-dev
	PEOPLE=$${PEOPLE:-200} $(PY) -m pytest tests/domain/flyers/test_funnel.py -k many_at_once

# The main stories in Firefox and in WebKit, which are got where that can be; the suite tells them in Chromium.
test-browsers: setup-dev
	@$(PY) -m tests.browser.engines firefox webkit
	$(PY) -m pytest --engine firefox tests/browser/test_main_stories.py
	$(PY) -m pytest --engine webkit tests/browser/test_main_stories.py

# Odd values for every page and form, by the route map: FUZZ is how many of each.
fuzz: setup-dev
	FUZZ=$${FUZZ:-2000} $(PY) -m pytest tests/test_bad_input.py

# Two worlds that differ in what somebody must not see are asked everything, and must answer alike; the suite asks a share.
twins: setup-dev
	TWINS=1 $(PY) -m pytest tests/views/records/test_twin_worlds.py

# Two phones at an event's door without a network, a thousand scans each; the suite scans sixty.
door: setup-dev
	SCANS=$${SCANS:-1000} $(PY) -m pytest tests/browser/test_door.py -k two_phones

# Any interleaving of holding, paying, giving back, passing on and waiting keeps every sum of an event, and whatever becomes of
# money at its provider, nobody loses any; the suite tries twelve and eight.
interleavings: setup-dev
	EVENT_STORIES=$${EVENT_STORIES:-1000} $(PY) -m pytest tests/domain/events/test_interleavings.py tests/domain/events/test_money_stories.py
# Twenty thousand buyers for five thousand seats, over HTTP; the server is killed twice. The suite sells forty. ON=sqlite
# or ON=postgres is one of the two databases, SALE_SLOWER=3 three times as slow, for a machine that has other work.
sale: setup-dev
	$(if $(filter postgres,$(ON)),,SALE=$${SALE:-20000} $(PY) -m pytest -s tests/test_sale.py)
	$(if $(filter sqlite,$(ON)),,SALE=$${SALE:-20000} $(PY) -m pytest -s --on postgres tests/test_sale.py)

# Ten thousand random formulas, printed and read again; the suite takes four hundred.
formulas: setup-dev
	FORMULAS=$${FORMULAS:-10000} $(PY) -m pytest tests/domain/fields/formulas

# Any history of a table: what stands beside its rows is compared with what is worked out anew. ORACLE is how many.
oracle: setup-dev
	ORACLE=$${ORACLE:-1000} $(PY) -m pytest tests/domain/records/test_oracle.py

check: setup-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy app.py models.py database domain views jobs

# Whether the audit log of the current database is as it was written; ends with an error when it isn't.
audit-verify: setup
	@$(PY) -m jobs --audit

# Against the peers, over a million rows; with SMOKE=1 within a minute, only to see that no measure is broken.
bench: $(VENV)/.dev static/vendor/.stamp
	$(PY) -m bench

# Lighthouse's mobile preset over ten pages of the demo; it is installed into var/lighthouse.
lighthouse: setup-dev
	@$(PY) -m tests.browser.lighthouse

screenshots: setup-dev
	$(PY) -m tests.browser.screenshots

setup: $(VENV)/.runtime static/vendor/.stamp
setup-dev: $(VENV)/.dev static/vendor/.stamp
	@$(PY) -m tests.browser.chromium

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(PIP) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

static/vendor/.stamp: package-lock.json $(SOURCES) | $(VENV)/bin/python
	@$(PY) -m static.build
	@touch $@

# After a change in pyproject.toml; needs uv. No host gets into the files.
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) static/vendor templates/__pycache__ node_modules var .pytest_cache .ruff_cache .mypy_cache
