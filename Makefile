# softswitch: everything a person types. The first run of any target prepares .venv; later runs start at once.
#   make demo [ARGS="--once --json"]   make test [TESTS=tests/acd]   make lint   make bench-calls [ARGS=--quick]

PYTHON ?= python3
BIN    := .venv/bin
ARGS   ?=
TESTS  ?= tests
JOBS   ?= 2

# Whatever the caller's shell says: a test starts hundreds of processes, and each would compile all of the source anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo fuzz test unit serial lint style types walls collect format bench bench-calls bench-register bench-media soak soak-acd soak-sip soak-sip-sim prompts lock clean bench-acd

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- the environment

.venv/.demo-installed: requirements/demo.txt pyproject.toml tools/install.sh
	@PYTHON="$(PYTHON)" tools/install.sh demo
	@touch $@

.venv/.test-installed: requirements/test.txt pyproject.toml tools/install.sh
	@PYTHON="$(PYTHON)" tools/install.sh test
	@touch $@ .venv/.demo-installed

# ---------------------------------------------------------------- run

demo: .venv/.demo-installed ## the bank line at work with real phones, checked step by step
	@$(BIN)/softswitch demo $(ARGS)

# ---------------------------------------------------------------- check

test: .venv/.test-installed ## everything: lint, unit, simulation, interop (installs sipp and PostgreSQL when root)
	@tools/test_machine.sh
	@$(MAKE) --no-print-directory --jobs $(JOBS) --output-sync=target lint collect
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory serial

unit: .venv/.test-installed ## the tests that may run beside each other
	@echo "== unit, wire, property and simulation tests, $(JOBS) at a time"
	@$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not interop and not serial" $(TESTS)

# The modules in which a test has this mark: to read only those spares half a minute.
marked = $(if $(filter tests,$(TESTS)),$(shell grep -rlw 'mark.$(1)' tests --include='test_*.py' | sort),$(TESTS))

serial: .venv/.test-installed ## the tests with a clock, one after another; then those with real phones, $(JOBS) modules at a time
	@echo "== tests that read a clock, one after another"
	@$(BIN)/pytest -m serial $(call marked,serial) || { code=$$?; [ $$code -eq 5 ] || exit $$code; }
	@echo "== tests with real phones and servers, $(JOBS) modules at a time"
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "interop and not serial" $(call marked,interop) || \
	  { code=$$?; [ $$code -eq 5 ] || exit $$code; }

lint: types style walls ## ruff, mypy --strict, the walls between the rooms
	@echo "Lint: clean."

types: .venv/.test-installed
	@$(BIN)/mypy --no-error-summary

style: .venv/.test-installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }

walls: .venv/.test-installed
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

# Runs beside mypy, which has one core: else each worker of `unit` would rewrite the assertions of all tests by itself.
collect: .venv/.test-installed
	@$(BIN)/pytest --collect-only -qq $(TESTS) >/dev/null 2>&1 || echo "Some tests cannot be collected; what is wrong comes below."

format: .venv/.test-installed ## let ruff put the source in order
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

fuzz: .venv/.test-installed ## look for inputs that break parsers and stack (ARGS="--seconds 600 --target sip")
	@[ -d .venv/atheris ] || $(BIN)/python -m pip install --quiet --no-deps --target .venv/atheris atheris==3.0.0 \
	  || echo "atheris cannot be installed here: our own engine searches"
	@$(BIN)/python tests/fuzz/run.py $(ARGS)

# ---------------------------------------------------------------- measure (figures: bench/README.md)

bench: .venv/.test-installed ## parser, ACD and media loops, one table and one JSON line
	@$(BIN)/python bench/run.py $(ARGS)

bench-calls: .venv/.test-installed ## the whole switch under the standard workload, beside the peers' figures
	@$(BIN)/python bench/bench_calls.py $(ARGS)

bench-register: .venv/.test-installed ## REGISTERs a core takes in, each stored before its answer; then kill -9, and none is lost
	@$(BIN)/python bench/bench_register.py $(ARGS)

bench-acd: .venv/.test-installed ## the ACD engine against its targets, with a plot (ARGS="--quick", ARGS=--live)
	@$(BIN)/python bench/acd_report.py $(ARGS)

bench-media: .venv/.test-installed ## the media process against its targets, the machine's limit and rtpengine in the same run (ARGS=--quick)
	@$(BIN)/python bench/media_report.py $(ARGS)

soak: .venv/.test-installed ## 30 minutes of calls, watching memory, descriptors and ports
	@$(BIN)/python bench/soak.py $(ARGS)

soak-sip: .venv/.test-installed ## 10 minutes of calls beside 5 000 hostile packets a second (ARGS="--minutes 1")
	@$(BIN)/python bench/soak_sip.py $(ARGS)

soak-sip-sim: .venv/.test-installed ## a million dialogs through a simulated network (ARGS="--calls 20000" for fewer)
	@$(BIN)/python bench/soak_sip_sim.py $(ARGS)

soak-acd: .venv/.test-installed ## 100 million events on random lines, every rule after each (ARGS="--events 1000000")
	@$(BIN)/python bench/soak_acd.py $(ARGS)

# ---------------------------------------------------------------- make what is committed

prompts: .venv/.demo-installed ## render the demo line's spoken prompts again (needs espeak-ng)
	@$(BIN)/python tools/render_prompts.py $(ARGS)

lock: ## write requirements/*.txt anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@PYTHON="$(PYTHON)" tools/lock.sh $(ARGS)

clean: ## forget the environment and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks dist bench/out
