# Spotifire. `make run` and `make test` set up what they need by themselves; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run setup test test-faults check bench bench-stream bench-read bench-import lock generated clean

BIN := .venv/bin
ARGS ?=

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## set up and start everything: open the address that it prints (ARGS="--port 8000" adds options)
	@deploy/setup.sh requirements.lock
	@exec $(BIN)/spotifire up $(ARGS)

setup: ## set up for development: what runs, and the tools for tests
	@deploy/setup.sh requirements-dev.lock

test: setup ## set up and run the tests (10 minutes on 2 cores)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

test-faults: setup ## kill, cut off and starve every part, and compare sets of ids; a quarter of an hour (ARGS=--short: 4 minutes)
	$(BIN)/python -m pytest tests/faults -s $(ARGS)

check: setup ## ruff, mypy --strict, import order, generated files that drifted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m drift

bench: setup ## measure what the docs claim; prints a table and JSON
	$(BIN)/python -m tests.bench $(ARGS)

bench-stream: setup ## the stream engine against a bare loop and other frameworks; 45 minutes, writes docs/benchmarks*
	$(BIN)/python -m tests.bench.stream $(ARGS)

bench-read: setup ## every read of one listener, alone and among others (ARGS="--others 100000000": over 10 minutes)
	$(BIN)/python -m tests.bench.read $(ARGS)

bench-import: setup ## an export from the command to the last row stored, while `up` runs (ARGS="--rows 1500000 --kafka embedded,apache")
	$(BIN)/python -m tests.bench.imports $(ARGS)

generated: setup ## write again what is generated: schemas, docs/events.md, docs/data.md, dashboards, personas
	$(BIN)/python -m streams.contracts.schema
	$(BIN)/python -m sinks.datacatalog
	$(BIN)/python -m grafana.render
	$(BIN)/python -m deploy.training

lock: setup ## resolve the lock files anew
	@deploy/lock.sh

clean: ## remove what the set-up made (not your data)
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
