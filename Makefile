PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run demo test check bench setup screenshots clean

run: setup
	$(PY) app.py

setup: $(VENV)/.runtime static/vendor/.stamp

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@ $(VENV)/.runtime

static/vendor/.stamp: package-lock.json views/assets.py $(shell find templates static/js -type f) | $(VENV)/bin/python
	$(PY) -m views.assets
	touch $@
