# Two commands set everything up: `make run` and `make test`. Both need Python 3.11 or newer and nothing else
# (`make test` also needs root, or Node and browsers already installed; it says so).
PYTHON ?= python3
STACK = $(PYTHON) -m syncserver.stack
COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade

.PHONY: run services test bench soak lint sdk docs lock clean

run: ## start everything and print where it is; Ctrl-C takes it down
	@exec $(STACK) run $(ARGS)

services: ## start Postgres and Redis alone
	@exec $(STACK) services

test: ## every check of the project
	@exec $(STACK) test $(ARGS)

bench: ## the numbers of the README (ARGS="-- --help" lists them)
	@exec $(STACK) bench $(ARGS)

soak: ## the long runs
	@exec $(STACK) test --only soak $(ARGS)

lint: ## style, types and architecture
	@exec $(STACK) test --only ruff --only mypy --only imports

sdk: ## the SDK's own checks
	@exec $(STACK) test --only sdk

docs: ## the README's tables and diagrams, from the code
	@.venv/bin/python -m tests.architecture.readme

lock: ## compile the lock files anew from pyproject.toml
	$(COMPILE) --group pyproject.toml:run -o requirements.lock
	$(COMPILE) --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock

clean: ## remove the virtual environment, the local data and every cache
	@$(STACK) clean
