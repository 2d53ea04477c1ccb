# make demo: compress the example conversation, then lossless.   make test: everything that CI runs.
# Both set up .venv by themselves: torch's CPU build where there is no NVIDIA GPU, the newest tested torch where there is one.

PYTHON ?= python3
BIN := .venv/bin
TORCH := $(shell command -v nvidia-smi >/dev/null 2>&1 && echo 'torch>=2.11,<3' || echo 'torch==2.13.0')

.PHONY: demo test lint format clean

demo: .venv/ready
	$(BIN)/optical-memory compress examples/conversation.json --out pages
	$(BIN)/optical-memory compress examples/conversation.json --lossless

# Two processes of one thread each: most tests have no use for a second one.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

clean:
	rm -rf .venv pages
