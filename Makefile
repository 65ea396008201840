# Lanyard's commands. The work is done by the scripts in tools/.
.DEFAULT_GOAL := help
.PHONY: help setup run test soak watch lint bench screenshots site build clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (says what and why first)
	@tools/setup.sh all

run: ## set up, build, start the server in demo mode (ARGS="--tls" and the like)
	@tools/run.sh $(ARGS)

test: ## every test, browser included (PHASES="domain storage" for some)
	@tools/test.sh $(PHASES)

soak: ## the long tests: races, timing statistics, fuzzing, mutants
	@tools/soak.sh

watch: ## demo server that rebuilds and restarts on change
	@tools/watch.sh $(ARGS)

lint: ## formatting, clippy with warnings denied, types, the table of rules, cargo-deny where installed
	@tools/lint.sh

bench: ## measure and print a table
	@tools/bench.sh $(ARGS)

screenshots: ## every page, light and dark, phone and desktop, with a contact sheet
	@tools/screenshots.sh

site: ## the browser's half: target/site
	@tools/setup.sh build
	@tools/site.sh

build: site ## the server for production: target/release/lanyard
	cargo build --release -p lanyard

clean: ## remove what was built (./data stays)
	@tools/postgres.sh stop 2>/dev/null || true
	rm -rf target end2end/node_modules end2end/screenshots end2end/test-results
