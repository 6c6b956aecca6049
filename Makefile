# Freehold needs python3 (3.11 or newer) and make; everything else is fetched, by hash, into .venv.
# `make help` lists the targets.

PY ?= python3
V := .venv
PYTHON := $(V)/bin/python

# One stamp for each content of a lock: a changed lock is installed again, an unchanged one costs nothing.
stamp = $(V)/.$(1)-$(shell sha256sum requirements/$(1).lock | cut -c1-16)
RUN := $(call stamp,run)
DEV := $(call stamp,dev)

.DEFAULT_GOAL := help
.PHONY: help run install upgrade uninstall test check lint format bench screenshots lock clean-data

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo "  Variables of make run: PANEL_PORT (8400), SITES_PORT (8480), SITES_TLS_PORT (8481), DNS_PORT (8453), FTP_PORT (8421), SFTP_PORT (8422), SMTP_PORT (8425), SUBMISSION_PORT (8487), SUBMISSIONS_PORT (8465), IMAPS_PORT (8493), PANEL_DATA (var), DEMO=0 (start empty)"

$(PYTHON):
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PY=python3.11 ...")'
	@$(PY) -m venv --clear --without-pip $(V)

$(RUN): requirements/run.lock | $(PYTHON)
	@echo "Installing what the panel runs on (hashes checked) ..."
	@$(PY) requirements/sync $(V) $<
	@touch $@

$(DEV): requirements/dev.lock | $(PYTHON)
	@echo "Installing what tests and linters need (hashes checked) ..."
	@$(PY) requirements/sync $(V) $<
	@touch $@

run: $(RUN) ## Start the panel with example data and real websites; Ctrl-C ends it
	@$(PYTHON) -m panel.serve --end-with-parent

install: ## Install on Debian 12 or 13, as root; again changes nothing (docs/install.md)
	@/usr/bin/python3 -B -m panel.install install

upgrade: ## Bring an installation to this clone; settings and data stay
	@/usr/bin/python3 -B -m panel.install upgrade

uninstall: ## Remove the installation; websites and data stay, unless PURGE=1
	@/usr/bin/python3 -B -m panel.install uninstall

test: export TESTS_SINCE := $(shell date +%s)
test: $(DEV) ## Run every test this machine allows, and say which it does not
	@$(PYTHON) -m tests.run

# Checks load the settings, which want a key and a place for data. Neither is kept.
check: export PANEL_DEBUG := 1
check: export PANEL_DATA := $(V)/check
check: $(DEV) ## Lint, formatting, types, Django's own checks, missing migrations
	$(V)/bin/ruff check .
	$(V)/bin/ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) manage.py check
	$(PYTHON) manage.py makemigrations --check --dry-run

lint: $(DEV) ## Ruff only
	$(V)/bin/ruff check .

format: $(DEV) ## Rewrite the code as ruff formats it
	$(V)/bin/ruff check --fix-only -q .
	$(V)/bin/ruff format .

bench: $(DEV) ## Measure lists, operations and provisioning at size
	$(PYTHON) -m tests.bench

screenshots: $(DEV) ## Take the pictures of the main pages
	$(PYTHON) -m tests.browser.screenshots

lock: | $(PYTHON) ## Resolve requirements/*.in into the locks
	$(PY) requirements/sync $(V) --lock

clean-data: ## Remove PANEL_DATA (var); refuses while the panel runs
	@$(PY) -m panel.serve --clean-data
