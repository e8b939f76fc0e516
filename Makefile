# The single front door: people, hooks and CI call these targets and nothing else. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail
export UV_PYTHON_DOWNLOADS := never

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYNCED := $(VENV)/.synced
# Tests wait more than they compute: three files at a time keep two cores busy. In order, as the longest come first.
IN_PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
# A uv on the path is used; otherwise one is put into the environment itself.
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
RUST_SOURCES := $(wildcard fastparse/src/*.rs fastparse/src/*/*.rs) fastparse/Cargo.toml Cargo.toml Cargo.lock
DEMO_SECONDS ?=
CHAOS_EXCHANGE ?= binance
CHAOS_SEED ?= 1
CHAOS_EXECUTIONS ?= 20000
CHAOS_FAULTS ?= all
UPGRADE_FROM ?=
# A Docker that builds with BuildKit, and an image to be built and tried.
DOCKER ?= docker
TAG ?= dev
TARGET ?= prod
COMPOSE = $(DOCKER) compose --file deploy/compose.yaml

.PHONY: help setup demo test test-fast test-rust lint audit types format build contract e2e chaos chaos-long upgrade bench fuzz image image-repeated up down smoke all clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"found Python {sys.version.split()[0]}, Fillwire needs 3.11 or newer: set PYTHON=")'
	@command -v cargo >/dev/null || { echo "found no cargo, Fillwire compiles its parser: install a Rust toolchain, 1.85 or newer" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(SYNCED): pyproject.toml uv.lock $(RUST_SOURCES) $(if $(findstring $(BIN),$(UV)),$(BIN)/uv)
	$(UV) sync --locked --quiet
	@touch $@

setup: $(SYNCED) ## Make the environment: dependencies, Rust extension, broker

demo: $(SYNCED) ## Broker, three simulated exchanges, their gateways and bots on this machine, live in the terminal
	@$(BIN)/fillwire demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: $(SYNCED) ## All Python tests, against a real broker and real sockets
	$(BIN)/pytest $(IN_PARALLEL)

test-fast: $(SYNCED) ## The tests that take no more than some seconds
	$(BIN)/pytest -m "not slow" tests/unit tests/property tests/contract

test-rust: ## Tests of the Rust crate
	cargo test --locked --quiet

contract: $(SYNCED) ## Schemas, examples and broker manifests against the code
	$(BIN)/pytest tests/contract

e2e: $(SYNCED) ## From the venue's matching engine to the strategy's callback, in separate processes
	$(BIN)/pytest tests/e2e

.PHONY: check-deploy
check-deploy: $(SYNCED) ## Manifests by an API server, charts by Helm, the Tiltfile by Tilt, built by Go once; HELM_CHARTS names where `helm pull --untar` laid the charts
	PYTHONPATH=tests $(BIN)/python -m support.go_tools
	$(BIN)/pytest tests/deploy

chaos: $(SYNCED) ## Break everything in every way, alone and mixed: CHAOS_EXCHANGE, CHAOS_SEED, CHAOS_EXECUTIONS, CHAOS_FAULTS
	$(BIN)/fillwire chaos --exchange $(CHAOS_EXCHANGE) --seed $(CHAOS_SEED) --executions $(CHAOS_EXECUTIONS) --faults $(CHAOS_FAULTS)

chaos-long: $(SYNCED) ## The same over a million executions, in about half an hour; writes docs/chaos.md and docs/chaos.json
	$(BIN)/fillwire chaos --seed $(CHAOS_SEED) --executions 1000000 --write docs/chaos.md

lint: $(SYNCED) ## Style, import rules, stub, Rust format and clippy
	$(BIN)/ruff format --check services tests examples schemas deploy
	$(BIN)/ruff check services tests examples schemas deploy
	$(BIN)/lint-imports
	$(BIN)/python -m mypy.stubtest fillwire._fastparse
	$(BIN)/hadolint deploy/Dockerfile
	cargo fmt --check
	cargo clippy --locked --quiet --all-targets -- -D warnings
	$(BIN)/python deploy/audit --offline

audit: $(SYNCED) ## Licences, sources and known vulnerabilities of everything that is locked
	$(BIN)/python deploy/audit

types: $(SYNCED) ## mypy strict on everything, pyright as second opinion on what users write
	$(BIN)/mypy services tests examples schemas deploy
	$(BIN)/basedpyright --level error tests/typing

format: $(SYNCED) ## Format Python and Rust
	$(BIN)/ruff format services tests examples schemas deploy
	$(BIN)/ruff check --fix-only services tests examples schemas deploy
	cargo fmt

build: $(SYNCED) ## Build the wheel into dist/
	$(UV) build --wheel --out-dir dist

upgrade: $(SYNCED) ## Replace the services of the previous release by these under traffic, and back; UPGRADE_FROM names another one
	PYTHONPATH=tests $(BIN)/python -m upgrade.run $(UPGRADE_FROM)

bench: $(SYNCED) ## Measure parsing, the broker and the path of a fill; JSON into bench-results/
	PYTHONPATH=tests $(BIN)/python -m bench.run

fuzz: $(SYNCED) ## Fuzz the parser for FUZZ_SECONDS (default 60) per target; needs nightly Rust and cargo-fuzz
	cd fastparse && for target in $$(cargo +nightly fuzz list); do \
	  mkdir -p fuzz/corpus/$$target && \
	  cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds -- -max_total_time=$${FUZZ_SECONDS:-60} || exit 1; done

image: $(SYNCED) ## Build the image fillwire:TAG, TARGET prod or dev; tell its size and how fast it starts
	DOCKER_BUILDKIT=1 $(DOCKER) build --file deploy/Dockerfile --target $(TARGET) --tag fillwire:$(TAG) .
	DOCKER="$(DOCKER)" $(BIN)/python deploy/image/measure.py fillwire:$(TAG)

image-repeated: $(SYNCED) ## Build the image once more, without caches, and compare it file by file with fillwire:TAG
	$(DOCKER) builder prune --force --filter type=exec.cachemount
	DOCKER_BUILDKIT=1 $(DOCKER) build --no-cache --file deploy/Dockerfile --target $(TARGET) --tag fillwire:$(TAG)-again .
	DOCKER="$(DOCKER)" $(BIN)/python deploy/image/compare.py fillwire:$(TAG) fillwire:$(TAG)-again

up: $(SYNCED) ## Start the whole system with simulated exchanges in containers, from fillwire:TAG; the console is at port 8300
	$(BIN)/python deploy/compose/make_secrets.py
	FW_TAG=$(TAG) $(COMPOSE) up --detach --wait

down: ## Stop it; what it has stored stays
	$(COMPOSE) down

smoke: $(SYNCED) ## Start the same apart, trade, kill its parts one by one, and count what became of each execution
	DOCKER="$(DOCKER)" PYTHONPATH=tests $(BIN)/python -m deploy.smoke --tag $(TAG)

all: lint types test-rust test ## Everything CI runs

clean: ## Remove what the other targets made
	rm -rf $(VENV) target dist bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
