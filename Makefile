# Everything here works on a fresh machine with Python >= 3.11, make and a package index; `make help` explains.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# number of processes for the tests; 0: one process without pytest-xdist
WORKERS ?= auto
# MNIST if it is available, else digits
SWEEP_DATA = $(shell test -d "$${DLHW_DATA_DIR:-data}/MNIST/raw" && echo mnist || echo digits)

.DEFAULT_GOAL := help
.PHONY: help install train test lint format gradcheck sweep-lr sweep-alpha sweep-batch tensorboard bench bench-peers bench-full build clean distclean report reproduce plan torture levels golden

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | \
		awk -F'|' 'BEGIN {print "make TARGET [ARGS=\"KEY=VALUE ...\"]\n"} {printf "%-14s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## create .venv and install the project with pinned versions (6.6 GB with CUDA); TORCH_INDEX=URL takes torch from that index, such as one of CPU-only wheels

# torch and torchvision are resolved together: a torch of another build breaks torchvision's operators. The
# packages from TORCH_INDEX satisfy the second command, which then downloads none of CUDA's packages.
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifdef TORCH_INDEX
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps --index-url $(TORCH_INDEX) torch torchvision
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[compiled,dev]"
	@$(BIN)/python -m dlhw.kernels
	@touch $@

train: install ## train one run; default: an MLP on the digits; ARGS="data=mnist optimizer.lr=0.05"
	@$(BIN)/dlhw-train $(ARGS)

test: install ## run the tests on all cores; ARGS="-k name", WORKERS=0 for one process; uses real MNIST if DLHW_DATA_DIR points to it
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

torture: install ## inject faults into real runs and write the table of docs/results/faults.md (10 minutes); ARGS=--quick
	@PYTHONPATH="tests/support$${PYTHONPATH:+:$$PYTHONPATH}" $(BIN)/python -m tests.torture $(ARGS)

levels: install ## recompute the levels of checks by programs that share no code with dlhw (an hour); ARGS="cs7643/lr --seeds 10", ARGS=--list
	@$(BIN)/python -m tests.levels $(ARGS)

golden: install ## train 65 short configs with an earlier commit and with this tree, and compare them bit for bit (5 minutes); ARGS="--base COMMIT mlp adam"
	@$(BIN)/python -m tests.golden $(ARGS)

lint: install ## check style (ruff) and types (mypy)
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/ruff format --check src tests benchmarks
	@$(BIN)/mypy

format: install ## rewrite the code in the project's style
	@$(BIN)/ruff format src tests benchmarks
	@$(BIN)/ruff check --fix src tests benchmarks

gradcheck: install ## check every hand-written gradient; ARGS="model=cnn" checks one model
	@$(BIN)/dlhw-gradcheck $(if $(ARGS),$(ARGS),--all)

RECIPE = model=mlp model.activation=sigmoid model.init.scheme=normal model.init.std=0.001 \
	regularizer=l2 regularizer.alpha=1e-3 trainer.epochs=10
sweep-lr: install ## train with learning rates 1, 0.1, 0.05 and 0.01 (on MNIST if it is available, else on digits)
	@echo "sweep over optimizer.lr on $(SWEEP_DATA)"
	@$(BIN)/dlhw-train -m name=sweep-lr data=$(SWEEP_DATA) $(RECIPE) optimizer.lr=1,0.1,0.05,0.01 $(ARGS)

sweep-alpha: install ## train with L2 strengths 1, 0.1, 0.01, 1e-3 and 1e-4
	@echo "sweep over regularizer.alpha on $(SWEEP_DATA)"
	@$(BIN)/dlhw-train -m name=sweep-alpha data=$(SWEEP_DATA) $(RECIPE) regularizer.alpha=1,0.1,0.01,1e-3,1e-4 $(ARGS)

sweep-batch: install ## train with batches of 16, 64 and 256
	@echo "sweep over trainer.batch_size on $(SWEEP_DATA)"
	@$(BIN)/dlhw-train -m name=sweep-batch data=$(SWEEP_DATA) $(RECIPE) trainer.batch_size=16,64,256 $(ARGS)

plan: install ## show what a sweep would do; ARGS="optimizer.lr=1,0.1 seeds=3"
	@$(BIN)/dlhw-plan $(ARGS)

report: install ## write tables and figures of a sweep; ARGS=runs/sweep-lr
	@$(BIN)/dlhw-report $(ARGS)

reproduce: install ## run every experiment and write runs/reproduce/index.html; ARGS="--quick --check", ARGS=--falsify
	@$(BIN)/dlhw-reproduce $(ARGS)

tensorboard: install ## show the curves of everything under runs/ in a browser
	@$(BIN)/tensorboard --logdir runs $(ARGS)

bench-peers: install ## install what `make bench` compares dlhw with: JAX, Lightning, scikit-learn
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"

bench: install ## compare speed with PyTorch, JAX, scikit-learn, Lightning (10 minutes); ARGS="--only single tiny"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-full: install ## the same, longer (25 minutes); writes docs/benchmarks/ and the tables of docs/results/performance.md
	@$(BIN)/python -m benchmarks --full --out docs/benchmarks --fill docs/results/performance.md $(ARGS)

build: install ## build the wheel, with the configs inside, into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove caches and build products; keep runs/ and data/
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)
