# Two commands do everything on a fresh clone: `make demo` and `make test`.
BOUND := BOUND_TO_PID=$$PPID exec .venv/bin/python -m common.services.bound .venv/bin/python
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-long lint bench

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

setup: ## Make .venv from uv.lock (done by the other commands too)
	@.ci/setup

demo: setup ## Prepare the demo shop if that is still to do, then run everything on http://127.0.0.1:8000
	@$(BOUND) -m common.services.manager --demo --port $(PORT)

run: setup ## Run web, workers, beat and their servers on the data that is there
	@$(BOUND) -m common.services.manager --port $(PORT)

test: setup ## Run the suite, browser tests included
	@exec .ci/test -m "not long" -n 2 --dist loadfile --no-loadscope-reorder

test-long: setup ## Run the tests that take long
	@exec .ci/test -m long

lint: setup ## Check style, types, imports, migrations and production settings
	@exec .ci/lint

bench: setup ## Measure; each script prints its figures
	@set -e; for script in bench/*.py; do echo "== $$script"; .venv/bin/python -m "bench.$$(basename "$$script" .py)"; done
