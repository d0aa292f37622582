.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup lab test check bench protos clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[lab,dev]'
	touch $@

setup: $(VENV)/.ready  ## the virtual environment with everything in it

protos: setup  ## generate the Python of protos/ again
	$(BIN)/python tools/protos.py

check: setup  ## style, types, layers, sizes, generated code: under a minute
	$(BIN)/ruff check src tests integration tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/protos.py --check
