# The commands of the course. Without make, on any system: python -m pip install -e ".[lab]", python -m tinynn lab

.DEFAULT_GOAL := help
.PHONY: help lab test test-long lint types unit notebooks docs slides solutions table bench torch cuda gpu lock clean install-lab install-test

PYTHON ?=
ARGS ?=
TORCH ?= torch==2.13.0
CUDA ?= "numba-cuda[cu13]==0.30.4" cuda-toolkit==13.5.0
RUN := .venv/bin/python
JOBS ?= 2
# Two processes, of some 1.2 GB each; the tests of one file stay together, since they share what they set up.
PYTEST := $(RUN) -m pytest --durations=15 -n $(JOBS) --dist loadfile

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo '  Variables: PYTHON=python3.13 (which Python makes .venv), JOBS=4 (processes of the tests), ARGS="03 --no-browser" (options of lab, slides, solutions, bench)'

lab: install-lab ## install if needed, open JupyterLab on chapter 00
	@$(RUN) -m tinynn lab $(ARGS)

test: install-test lint types unit notebooks ## install if needed, then lint, types, tests, notebooks
	@echo 'make test: all passed'

test-long: install-test torch cuda ## the slow tests, those that need the network, parity with PyTorch, kernels compiled
	TINYNN_NEEDS_TORCH=1 TINYNN_NEEDS_CUDA=1 $(PYTEST) -m "slow or network or torch or cuda"

lint: install-test ## ruff: rules and format
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: install-test ## mypy on the package
	$(RUN) -m mypy

unit: install-test ## the quick tests
	$(PYTEST)

notebooks: install-test ## nbval: run every chapter, compare every saved output
	@set -- chapters/*.ipynb; if test -e "$$1"; then \
	  $(PYTEST) -m "" --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg chapters; \
	else echo 'notebooks: no chapter yet'; fi

docs: install-test ## the API reference, into docs/api
	$(RUN) -m tinynn docs

slides: install-lab ## the chapters as slides that open without a network, into docs/slides
	@$(RUN) -m tinynn slides docs/slides $(ARGS)

solutions: install-lab ## for instructors: solved chapters with speaker notes, into solutions
	@$(RUN) -m tinynn solutions solutions $(ARGS)

table: install-test ## map, glossary and table of the chapters, written anew (ARGS=--run: run times)
	$(RUN) -m tinynn chapters --write $(ARGS)

bench: install-test torch ## the table: this package, plain NumPy, PyTorch
	$(RUN) -m tinynn bench $(ARGS)

torch: install-test
	@$(RUN) -c 'import torch' 2>/dev/null || $(RUN) -m pip install -q --disable-pip-version-check $(TORCH)

cuda: install-test ## what compiles CUDA kernels, without a GPU (numba-cuda and parts of CUDA, 200 MB)
	@$(RUN) -c 'import numba_cuda' 2>/dev/null || $(RUN) -m pip install -q --disable-pip-version-check $(CUDA)

gpu: ## on a machine with a GPU: kernels checked and timed, with PYTHON as it is; nothing is installed
	@$(or $(PYTHON),$(RUN)) -m tests.gpu $(ARGS)

# test first: the lab lock then takes the same versions, so that one .venv serves both.
LOCK := $(RUN) -m uv pip compile pyproject.toml --group build --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-header --no-annotate --no-config -c requirements/constraints.txt -q
lock: install-test ## resolve requirements/*.txt anew (network)
	$(LOCK) --extra test -o requirements/test.txt > /dev/null
	$(LOCK) --extra lab -c requirements/test.txt -o requirements/lab.txt > /dev/null

clean: ## caches and generated pages; .venv and work/ stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist docs/api
	find tinynn tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that works is used as it is, unless PYTHON names another. Otherwise the first Python that fits.
install-lab install-test: install-%:
	@for p in $(if $(PYTHON),"$(PYTHON)",$(RUN) python3 python3.14 python3.13 python3.12 python3.11 python) ''; do \
	  "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2> /dev/null && break; done; \
	if test -z "$$p"; then \
	  echo 'tinynn: no Python 3.11 to 3.14 found. Try: sudo apt install python3 python3-venv (Debian 12, Ubuntu 24.04' \
	    'or newer), brew install python@3.13 (macOS), or make $* PYTHON=/path/to/python3.13' >&2; exit 1; fi; \
	"$$p" requirements/install.py $* $(if $(PYTHON),--exact)
