# All commands set up what they need; `make quickstart` and `make test` are the two to know.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
DS1000 := .ds1000

.PHONY: quickstart test check smoke format setup clean ds1000-env

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

# What DS-1000's programs import: 3 GB, in an environment of their own. Matplotlib makes its list of fonts once.
ds1000-env: $(DS1000)/.ready

$(DS1000)/.ready: requirements/ds1000.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' || { echo "error: DS-1000's packages need Python 3.10 or 3.11; name one: make PYTHON=python3.11 ds1000-env"; exit 2; }
	$(PYTHON) -m venv $(DS1000)
	$(DS1000)/bin/python -m pip install --quiet --requirement $<
	$(DS1000)/bin/python -c 'import matplotlib.font_manager'
	@touch $@

clean:
	rm -rf $(VENV) $(DS1000) build dist
