# The two commands of a newcomer are `make build` and `make test`; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
# Some machines forbid byte code; without it every start of dbt takes three seconds longer.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help build test test-postgres demo docs lint bench release lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  Your own data:  make build SEGMENTS_RAW=/folder SEGMENTS_HOME=/place AS_OF='2026-03-03 00:00:00'"

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --no-deps --no-compile --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 2 .venv/lib || true
	@touch $@

build: .venv/.ready ## Build, test and publish the demo, or SEGMENTS_RAW as of AS_OF into SEGMENTS_HOME
	@$(BIN)/segmentation build

demo: .venv/.ready ## Evaluate twelve Mondays of the demo shop, so that history has something to show
	@$(BIN)/segmentation demo

test: .venv/.ready ## Run everything: style, conventions, dbt build with all tests, pytest
	@$(BIN)/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

test-postgres: .venv/.ready ## Run what needs Postgres, on a temporary server of its own: results as on DuckDB, grants
	@$(BIN)/python -m pytest -m postgres

lint: .venv/.ready ## Check the style of the SQL (sqlfluff) and the conventions of its files (dbt-bouncer)
	@$(BIN)/python -m pytest tests/python/test_style.py

docs: .venv/.ready ## Write the documentation with lineage to target/static_index.html
	@$(BIN)/segmentation build > /dev/null
	@$(BIN)/dbt --quiet docs generate
	@$(BIN)/python -m segmentation.docs_page
	@echo "Open target/static_index.html in a browser."

bench: .venv/.ready ## Compare the build with hand-tuned SQL on generated data: SIZE=S or M
	@$(BIN)/python bench/run.py --size $(or $(SIZE),S)

release: .venv/.ready ## Lock the current versions of segments: NAME="vip repeat_buyer"
	@$(BIN)/segmentation release $(NAME)

lock: .venv/.ready ## Resolve requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev --extra postgres --no-header --no-annotate --output-file requirements.lock

clean: ## Remove what builds made: target/, logs/ and the databases of the default home
	rm -rf target logs warehouse/*.duckdb warehouse/*.wal warehouse/published warehouse/demo warehouse/home.json
