# Everything about this course in one command each; `make` alone lists them.
#
# Variables:
#   PYTHON=python3.12     the Python (3.11 or newer) to make .venv with
#   LABARGS="..."         more arguments for `course open`
#   PYTESTARGS="..."      more arguments for pytest, such as PYTESTARGS="-k timeline"
#   TESTS="..."           what `make test` runs instead, such as TESTS=tests/unit
#   TESTS_LIVE="..."      what `make test-live` runs instead
#   WORKERS=3             how many tests run side by side, each with its own cluster
#   RUNS="dirty twice"    which runs `make test-orders` makes, of which lessons: ONLY="04 05"
#   FAULTS=50             how often `make faults` tries each random fault
#   SECONDS=600           how long `make soak` runs; SEED=7 its seed, EPISODE=12 one episode of it again
#   KUBERNETES=1.35       which Kubernetes minor `make test-kind` runs on
#   BACKEND=kind          what `make test-e2e` runs on, else embedded; E2EARGS="--only 'Daemon set'"
#   VERSIONS="1.35 1.36"  the Kubernetes minors that `make test-versions` runs on, one after another
#   IMAGE=kindest/node:.. the node image for it, else the pinned one
#   BUILDARGS="..."       more arguments for `make notebooks`, such as --only 08 or --overwrite
#   MANIFESTSARGS="..."   more arguments for `make manifests`: --page docs/manifests.md
#   LOCKARGS="..."        more arguments for `make lock`, such as --upgrade

PYTHON ?= python3
export COURSE_KUBERNETES = $(KUBERNETES)
ifdef IMAGE
export COURSE_IMAGE = $(IMAGE)
endif
WORKERS ?= 3
CODE := $(wildcard conftest.py src tests tools content START.ipynb playground.ipynb notebooks labs solutions)
LIVE := tests/live $(wildcard notebooks labs solutions)
TESTS_KIND ?= $(LIVE)
TESTS_VERSIONS ?= $(LIVE)
VERSIONS ?= 1.35 1.36 1.37
# Files go to the workers in this order: the longest first, and short ones fill the end.
PYTEST_SIDE_BY_SIDE = $(BIN)/python tools/run_notebooks.py \
	-n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart=0 $(PYTESTARGS)
TESTS ?= $(wildcard solutions labs notebooks START.ipynb playground.ipynb) tests/unit tests/labs
TESTS_LIVE ?= tests/faults tests/live

# Settings of the learner's for Python and pip would say where packages go, and which are seen. How
# pip reaches its index is kept. PIP_USER wins over pip.conf, too.
REACHES := PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS PIP_TRUSTED_HOST PIP_PROXY \
	PIP_CERT PIP_CLIENT_CERT PIP_KEYRING_PROVIDER PIP_RETRIES PIP_RESUME_RETRIES PIP_TIMEOUT \
	PIP_DEFAULT_TIMEOUT PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_CONFIG_FILE PIP_DISABLE_PIP_VERSION_CHECK
unexport $(filter-out $(REACHES),$(filter PIP_% PYTHON%,$(.VARIABLES)))
export PIP_USER = 0
export PYTHONNOUSERSITE = 1

# An active conda environment made from environment.yml is used as it is; else .venv is made.
ifeq ($(CONDA_DEFAULT_ENV),daemonset-course)
ENV := $(CONDA_PREFIX)
else
ENV := .venv
endif
BIN := $(ENV)/bin
READY := $(ENV)/.course-ready
BEGUN := $(ENV)/.course-begun
BROWSER := $(ENV)/.course-browser

.PHONY: help lab test test-live proof test-browser test-orders faults soak test-kind test-e2e test-versions lint notebooks minutes claims kubelet-table gallery manifests lock bench clean environment
.DEFAULT_GOAL := help

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

lab: $(READY) ## set everything up, start a cluster, open JupyterLab
	$(BIN)/course open $(LABARGS)

test: lint ## set everything up, prove the whole course
	$(BIN)/python tools/notebooks.py check
	$(BIN)/python tools/course_pages.py check
	$(BIN)/course binaries
	$(PYTEST_SIDE_BY_SIDE) -m "not proof" $(TESTS)

test-live: $(READY) ## prove every verb and judgement on a live cluster, and under faults
	$(BIN)/course binaries
	$(PYTEST_SIDE_BY_SIDE) $(TESTS_LIVE)

proof: $(READY) ## prove that no mutant of a lab's solution and no cheat passes (simulated clusters)
	$(BIN)/python -m pytest -n $(WORKERS) -m proof $(PYTESTARGS) tests/labs

test-browser: $(BROWSER) ## learn in a real JupyterLab, driven in Chromium (needs chromium)
	$(BIN)/course binaries
	$(BIN)/python -m pytest --durations=5 $(PYTESTARGS) tests/browser

test-orders: $(READY) ## run the lessons fresh, dirty, twice in a row, in three shuffled orders
	$(BIN)/course binaries
	$(BIN)/python tools/orders.py --workers $(WORKERS) --folder .orders \
		$(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY))

test-kind: $(READY) ## prove the course on a real kind cluster (needs Docker or podman)
	$(BIN)/python tools/kind_suite.py $(TESTS_KIND) $(PYTESTARGS)

test-e2e: $(READY) ## run Kubernetes' own specs of DaemonSets (builds its suite with Go, once)
	$(BIN)/python tools/e2e_suite.py $(if $(BACKEND),--backend $(BACKEND)) \
		$(if $(KUBERNETES),--kubernetes $(KUBERNETES)) $(E2EARGS)

# Each version prints its name, then pytest's own summary; the last lines say which of them failed.
test-versions: $(READY) ## prove the course on each Kubernetes minor of VERSIONS (embedded)
	@verdicts=; failed=0; \
	for version in $(VERSIONS); do \
		export COURSE_KUBERNETES=$$version COURSE_TEST_BACKEND=embedded; \
		echo "=== Kubernetes $$version"; \
		if $(BIN)/course binaries --kubernetes $$version && $(PYTEST_SIDE_BY_SIDE) $(TESTS_VERSIONS); \
		then verdict=passed; else verdict=FAILED; failed=1; fi; \
		verdicts="$$verdicts\n=== Kubernetes $$version: $$verdict"; \
	done; printf "$$verdicts\n"; exit $$failed

faults: $(READY) ## break things on purpose, FAULTS=50 times each where chance decides
	$(BIN)/course binaries
	FAULTS=$(or $(FAULTS),50) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTESTARGS) tests/faults

soak: $(READY) ## random learners and faults for SECONDS=600; what they may not find
	$(BIN)/course binaries
	$(BIN)/python tools/soak.py --seconds $(or $(SECONDS),600) \
		$(if $(SEED),--seed $(SEED)) $(if $(EPISODE),--episode $(EPISODE))

lint: $(READY) ## check style, types and spelling
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/zizmor --offline --quiet .github/workflows

notebooks: $(READY) ## write notebooks, labs, solutions and the pages around them from content
	$(BIN)/python tools/notebooks.py build $(BUILDARGS)
	$(BIN)/python tools/course_pages.py

minutes: $(READY) ## measure how long each lesson takes, for the line at its top
	$(BIN)/course binaries
	$(BIN)/python tools/minutes.py --workers $(WORKERS) $(if $(ONLY),--only $(ONLY))

claims: $(READY) ## count the claims by verdict and lesson, and check that each is shown
	$(BIN)/python tools/claims.py

kubelet-table: $(READY) ## compare simulated kubelets with real ones (starts kind), docs/kubelets.md
	$(BIN)/course binaries
	$(BIN)/python tools/kubelet_table.py record embedded kind

gallery: $(READY) ## write a page with every shape of figure, light and dark
	$(BIN)/python tools/gallery.py

manifests: $(READY) ## apply, place, roll and explain the DaemonSets that people run
	$(BIN)/course binaries
	$(BIN)/python tools/manifests.py $(MANIFESTSARGS)

bench: $(READY) ## measure the course against other tools
	$(BIN)/python tools/bench.py $(BENCHARGS)

lock: ## work out requirements.lock and tests/browser.lock from pyproject.toml
	@$(CHECK_PYTHON)
	@set -e; uv=$$(mktemp -d); trap 'rm -rf "$$uv"' EXIT; \
	$(PYTHON) -m venv "$$uv"; "$$uv/bin/pip" install --quiet uv; \
	"$$uv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --group dev pyproject.toml -o requirements.lock $(LOCKARGS); \
	"$$uv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --group browser -c requirements.lock -o tests/browser.lock $(LOCKARGS)

clean: ## remove .venv and caches (clusters and your progress stay)
	rm -rf .venv .orders .gallery build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +

environment: $(READY) ## install the locked packages, nothing else

define CHECK_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "This course needs Python 3.11 or newer."; \
	echo "  Seen: $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	for p in python3.14 python3.13 python3.12 python3.11; do \
		if $$p --version >/dev/null 2>&1; then \
			echo "  Next: make $(MAKECMDGOALS) PYTHON=$$p"; exit 1; fi; done; \
	echo "  Next: install Python 3.12, then: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
endef

# The stamp comes last, so an interrupted run is not taken for a finished one; BEGUN tells the next
# run that what is there may be broken, and it starts from nothing.
$(READY): requirements.lock tests/axe.lock pyproject.toml
ifeq ($(ENV),.venv)
	@if [ -e $(BEGUN) ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		{ $(CHECK_PYTHON); } && echo "Making .venv ..." && $(PYTHON) -m venv --clear .venv; fi
endif
	@touch $(BEGUN)
	@echo "Installing the locked packages (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/axe.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -I -c 'import daemonset_course.cli' || { \
		echo "The packages cannot be imported after their installation."; \
		echo "  Seen: $$($(BIN)/python -m pip config list | tr '\n' ' ')"; \
		echo "  Next: remove target, prefix and root from pip's configuration, or:" \
			"make $(MAKECMDGOALS) PIP_CONFIG_FILE=/dev/null"; exit 1; }
	@rm -f $(BEGUN)
	@touch $(READY)

# Playwright, for one target alone; it drives the system's Chromium and downloads none.
$(BROWSER): $(READY) tests/browser.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r tests/browser.lock
	@touch $(BROWSER)
