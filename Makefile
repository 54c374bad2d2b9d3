# The few commands for people and for CI; both use these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

# Set, each of a sweep's processes would compile the project again, and each of the tests' all tests.
export PYTHONDONTWRITEBYTECODE :=

# Errors alone are shown: pip warns of indexes that lack a package, and has notices.
INSTALL := $(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt

# Several files at a time, the longest first (tests/conftest.py).
PYTEST := $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PLAIN := not chaos and not cluster

# Reports every ten seconds that a silent command still runs.
define reported
@seconds=0; ( while sleep 10; do seconds=$$((seconds + 10)); echo "  still running ($$seconds s so far)"; done ) & \
	reporter=$$!; $(1); result=$$?; kill $$reporter; exit $$result
endef

.PHONY: setup dev quickstart test chaos cluster ci lint clean

# What sweeps run on.
setup: $(READY)

# And what tests and checks need beside it.
dev: $(READY_DEV)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	@echo "Installing PyTorch, Ray, MLflow and others into $(VENV), 2.5 GB: one to three minutes ..."
	@$(PYTHON) -m venv $(VENV)
	$(call reported,$(INSTALL) --no-compile --editable .)
	@echo "Compiling them on all cores, which pip does on one ..."
	$(call reported,$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true)  # some files are for other Pythons
	@touch $@

$(READY_DEV): $(READY)
	@echo "Installing what tests and checks need into $(VENV), 0.2 GB: half a minute ..."
	$(call reported,$(INSTALL) --editable '.[dev]')
	@touch $@

# Finds the best LoRA fine-tune of a small built-in model, with everything embedded.
quickstart: setup
	$(BIN)/sweep launch sweeps/recipes/quickstart.yaml --name quickstart-$$(date +%Y%m%d-%H%M%S)

test: dev
	$(PYTEST) -m "$(PLAIN)"

# Servers that go away, processes that are killed, disks that are full: minutes.
chaos: dev
	$(BIN)/pytest -m chaos

# `ray up` for real, over ssh to hosts in namespaces; skips with the reason where it cannot run.
cluster: dev
	$(BIN)/pytest -m cluster

# What CI runs: the tests, and of the two above one of each kind, in one go.
ci: dev
	$(PYTEST) -m "ci or ($(PLAIN))"

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .winnow/cache
