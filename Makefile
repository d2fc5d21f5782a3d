# Every command sets up what it needs by itself. Settings: make up PORT=9090, make preview STACK=primary,
# make status ARGS=--json, make test ARGS='tests/components -x', make PYTHON=python3.12 setup.

PYTHON ?= python3
STACK ?= primary
ARGS ?=
SETUP = $(PYTHON) -m tools.setup --quiet
RUN = .venv/bin/python
TWIN = $(RUN) -m twin
OPERATOR = "$${TWIN_HOME:-.twin}/operator.env"
IS_UP = { $(TWIN) status >/dev/null 2>&1; [ $$? -ne 3 ] && [ -f $(OPERATOR) ]; }
OPERATE = set -a; . $(OPERATOR); set +a; $(RUN) -m failover
SCENARIO ?=

.DEFAULT_GOAL := help
.PHONY: help setup up preview test down status drill failover bench lint lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: server packages, .venv, Azurite, the Pulumi CLI
	@$(PYTHON) -m tools.setup $(ARGS)

up: ## the whole platform, both regions, on this machine; ends when the portal answers
	@$(SETUP)
	@$(TWIN) up --stack $(STACK) $(ARGS)

preview: ## what the program would create in Azure, without credentials; starts no service
	@$(SETUP) --for preview
	@$(TWIN) preview --stack $(STACK) $(ARGS)

test: ## the whole test suite: quick tests first, the platform end to end last
	@$(SETUP) --for tests
	@$(RUN) -m pytest $(ARGS)

down: ## stop the platform; no process and no port of it is left
	@$(SETUP)
	@$(TWIN) down $(ARGS)

status: ## regions, services, processes, ports, health and builds
	@$(SETUP)
	@$(TWIN) status $(ARGS)

drill: ## fail a region on purpose, measure what was lost: SCENARIO=kill, ARGS='--seeds 5', ARGS=--list
	@$(SETUP)
	@$(IS_UP) || $(TWIN) up --stack $(STACK)
	@$(OPERATE) drill $(SCENARIO) $(ARGS)

failover: ## what operators do, on the twin: ARGS=status, ARGS='switchover --yes', ARGS=--help
	@$(SETUP)
	@$(IS_UP) || \
		{ echo "make failover: the twin is not running, so there is nothing to operate; \`make up\` starts it." >&2; exit 1; }
	@$(OPERATE) $(or $(ARGS),--help)

bench: ## measure preview, reads, the worker's drain and a million events
	@$(SETUP) --for bench
	@$(RUN) -m bench $(ARGS)

lint: ## ruff over everything
	@$(SETUP) --for lint
	@$(RUN) -m ruff check .

lock: ## resolve the requirement files into requirements.lock
	@$(PYTHON) -m tools.lock $(ARGS)

clean: ## stop the platform and remove what it stored; tools stay cached
	@if [ -x $(RUN) ]; then $(TWIN) down; fi
	rm -rf .twin .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
