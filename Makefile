# Dragonet: each target sets up what it needs. The work is in host_tools/setup/*.sh.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test hil campaign lint bench toolchain coverage setup setup-test clean
OUT ?= flights/nanodragon
BENCH ?= virtual
DRAGONET := .venv/bin/dragonet
CAMPAIGN := tests/unit/test_csp_mutations.py tests/host/test_csp_fuzz.py tests/host/test_csp_atheris.py tests/host/test_update_states.py tests/host/test_time_losses.py tests/flatsat/test_emulated_twin.py \
	tests/flatsat/test_heap_is_flat.py

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup  ## boot three boards, fly them in orbit, leave what they sent in flights/nanodragon
	$(DRAGONET) fly --scenario nanodragon --out $(OUT)

test: setup-test  ## every test: both interpreters, flights, and the receivers that judge us
	.venv/bin/python -m pytest -n 2 $(ARGS)

hil: setup-test  ## the checks of a bench: BENCH=virtual, emulated, or a file of your own boards; leaves build/hil/BENCH/report.html
	$(DRAGONET) bench check --bench $(BENCH) $(ARGS)

campaign: setup-test  ## the long searches: a million mutated frames each version, guided fuzzing, every state of the update, 10,000 cases of time on a bad bus, a week of each board's heap
	DRAGONET_FUZZ_FRAMES=1000000 DRAGONET_FUZZ_RUNS=300000 DRAGONET_UPDATE_STATES=1 DRAGONET_HEAP_HOURS=168 DRAGONET_TWIN_S=600 DRAGONET_TIME_CASES=10000 .venv/bin/python -m pytest -n 2 -o unit_timeout_s=3600 $(CAMPAIGN) $(ARGS)

lint: setup-test  ## ruff, basedpyright on host and flight code, mpy-cross for both MCUs
	@host_tools/setup/lint.sh

bench: setup  ## measure what the bus costs, how fast the flatsat flies, memory of boards and services
	.venv/bin/python tests/benchmarks/bus.py
	.venv/bin/python tests/benchmarks/flight_speed.py
	@host_tools/setup/toolchain.sh 32
	-@host_tools/setup/toolchain.sh rp2
	.venv/bin/python tests/benchmarks/memory.py

toolchain: setup  ## build the 32-bit unix port, the coverage build and the RPI_PICO images; PARTS="32 coverage rp2 bench" chooses
	@host_tools/setup/toolchain.sh $(PARTS)

coverage: setup-test  ## line coverage of firmware/ under the unit tests, on MicroPython
	@host_tools/setup/toolchain.sh coverage
	PYTHONPATH=tests .venv/bin/python tests/plugin/line_coverage.py $(ARGS)

setup:  ## make .venv with the pinned packages and MicroPython
	@host_tools/setup/venv.sh run
	@host_tools/setup/emulator.sh wanted

setup-test:
	@host_tools/setup/venv.sh test
	@host_tools/setup/judges.sh
	@host_tools/setup/emulator.sh needed
	@[ -n "$(DRAGONET_M32)" ] || host_tools/setup/toolchain.sh 32

clean:  ## remove .venv, caches and flights
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis build flights host_tools/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
