# datapump: `make run` and `make test` set up what they need.
PYTHON ?= python3
PORT ?= 8000
ONCE ?= 0
STAGE ?= dev
FIRES ?=
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup run test lint bench soak package screenshots lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "datapump needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q api datapump state_machine
	$(BIN)/python -m api.console.build
	touch $@

run: setup
	$(BIN)/datapump demo --port "$(PORT)" --fires "$(FIRES)" $(if $(filter 1,$(ONCE)),--once)

test: setup
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m pytest -p no:cacheprovider -s tests/benchmarks $(ARGS)

soak: setup
	$(BIN)/python -m pytest -n 2 -m soak $(ARGS)

# The network is asked once, for the packager; after that never.
node_modules/.installed: package-lock.json
	npm ci --ignore-scripts --no-fund --no-audit
	touch $@

package: setup node_modules/.installed
	$(if $(filter dev staging production,$(STAGE)),,$(error STAGE=$(STAGE) is none of dev staging production))
	$(BIN)/python -m deployment.zips build/package
	$(BIN)/python -m deployment.schedules build/package/schedules.json
	SLS_TELEMETRY_DISABLED=1 SLS_NOTIFICATIONS_MODE=off node_modules/.bin/osls package --stage "$(STAGE)" --package build/serverless
	$(BIN)/cfn-lint --ignore-checks W3005 -- build/serverless/cloudformation-template-update-stack.json

# Pictures of the console's pages, in build/screenshots; the two of the README are renewed. Needs chromium.
screenshots: setup
	$(BIN)/python tests/screenshots.py build/screenshots
	mkdir -p docs/images
	cp build/screenshots/overview-light-1280.png docs/images/overview.png
	cp build/screenshots/result-dark-1280.png docs/images/result.png

# The lock holds hashes and no addresses.
lock:
	uv lock && uv export --all-extras --no-emit-project --no-header --quiet --output-file requirements.lock && rm -f uv.lock

clean:
	rm -rf .venv node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
