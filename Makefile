# Two commands for a fresh machine: `make run` and `make test`. Needs Python 3.11 or later and a package registry.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

# what the processor's instruction set can change: `make test` runs it as on two other processors as well
ARITHMETIC := tests/test_operations.py $(filter-out %/conftest.py %/runtime %/__pycache__,$(wildcard tests/kernels/*))

.PHONY: run test test-matrix lint clean

run: $(VENV)/bench.stamp  ## both frameworks on MNIST: tables here, logs in logs/, pictures in fig/
	$(BIN)/python main.py --epochs 3 $(ARGS)

test: $(VENV)/dev.stamp lint  ## everything that must hold: lint, types, import order, docs examples, tests
	$(BIN)/python -m compileall -q cnn_physics77  # for the processes that tests start, where PYTHONDONTWRITEBYTECODE is set
	$(BIN)/python -m pytest -q -n 2
	$(BIN)/python tests/matrix.py avx2 sse -- $(ARITHMETIC) -k "not bad_call and not strided and not second_gradient"

test-matrix: $(VENV)/dev.stamp  ## all tests on other instruction sets, threads, orders, Pythons; ARGS selects, see tests/matrix.py
	$(BIN)/python tests/matrix.py $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bench.stamp: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[bench,data]"
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/bench.stamp

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
