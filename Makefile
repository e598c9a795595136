# Everything a newcomer or a CI machine runs. Needs only python3 with venv, and make.
#   make demo      train on handwritten digits        make test      the tests, sampled (minutes)
#   make check     ruff, pyright, import-linter       make test-all  every test
#   make test-gpu  programs on an NVIDIA device against NumPy: installs the extra [cuda]
#   make test-peers  values and gradients against JAX and PyTorch: installs the extra [dev], gigabytes
#   make fuzz  mutated text, random programs and networks, ten minutes, another seed each day
#   make test-mlir  upstream's tools on what we print: installs the extra [mlir], 500 MB

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Two processes share the tests, each with one thread for NumPy's products.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal
# What pytest runs in its own process, a few of them in shells too: pipes, files, both tools, both exit statuses.
IN_SHELLS := $(addprefix tests/filecheck/tools/,pipe.mlir reproducers.mlir targets.mlir)

.PHONY: demo test test-all test-gpu test-mlir test-peers fuzz check format clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

# One stamp per extra: an install runs again only when pyproject.toml changed.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

demo: $(VENV)/examples.stamp
	$(BIN)/python examples/train_digits.py

test: $(VENV)/test.stamp $(VENV)/examples.stamp
	$(PYTEST)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lit --verbose $(IN_SHELLS)

test-all: $(VENV)/test.stamp $(VENV)/examples.stamp
	PULLBACK_SEED=$${PULLBACK_SEED:-random} $(PYTEST) --all
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lit --verbose tests/filecheck

test-gpu: $(VENV)/test.stamp $(VENV)/examples.stamp $(VENV)/cuda.stamp
	PULLBACK_EXPECT_GPU=1 $(PYTEST) -m gpu tests/on_cuda tests/cuda_core

test-mlir: $(VENV)/test.stamp $(VENV)/mlir.stamp
	$(BIN)/python -m pytest --all -m mlir

test-peers: $(VENV)/test.stamp $(VENV)/dev.stamp
	$(BIN)/python -m pytest --all -m peers

# SEED and SECONDS may be given; failures are written into fuzz-failures.
SEED    ?= $(shell date +%Y%m%d)
SECONDS ?= 600

fuzz: $(VENV)/test.stamp
	$(BIN)/python -m pullback.tools.fuzz --mutants 20000 --programs 3000 --networks 150 --seconds $(SECONDS) --seed $(SEED) \
		--jobs 2 --corpus tests/filecheck --output fuzz-failures

check: $(VENV)/check.stamp $(VENV)/test.stamp $(VENV)/examples.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright --pythonpath $(BIN)/python

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info
