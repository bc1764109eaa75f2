# All commands set up what they need; `make quickstart` and `make test` are the two to know.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: quickstart test check smoke format setup clean

quickstart: setup
	$(RUN) -m codedpo run --config configs/quickstart.yaml

test: setup
	$(RUN) -m pytest -n auto

check: setup
	$(RUN) -m ruff format --check src tests perf
	$(RUN) -m ruff check src tests perf
	$(RUN) -m pyright --warnings
	$(RUN) -m pytest -n auto

# The whole path with a 135M model: real generation, training and evaluation, then a check of what it left.
smoke: setup
	$(RUN) -m codedpo run --config configs/smoke.yaml
	$(RUN) tests/check_smoke.py runs/smoke

format: setup
	$(RUN) -m ruff check --fix src tests perf
	$(RUN) -m ruff format src tests perf

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: codedpo needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[train,llamacpp,ray,s3,dev]'
	@touch $(VENV)/.ready

clean:
	rm -rf $(VENV) build dist
