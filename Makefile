# The few commands for people and for CI; both use these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup quickstart test chaos cluster lint clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Finds the best LoRA fine-tune of a small built-in model, with everything embedded.
quickstart: setup
	$(BIN)/sweep launch sweeps/recipes/quickstart.yaml --name quickstart-$$(date +%Y%m%d-%H%M%S)

test: setup
	$(BIN)/pytest -m "not chaos and not cluster"

# Servers that go away, processes that are killed, disks that are full: minutes.
chaos: setup
	$(BIN)/pytest -m chaos

# `ray up` for real, over ssh to hosts in namespaces; skips with the reason where it cannot run.
cluster: setup
	$(BIN)/pytest -m cluster

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .winnow/cache
