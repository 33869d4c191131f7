# One line each; `make` alone lists them. Every target sets itself up. ON=bare or ON=kind chooses the cluster of up and down.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup soak prove test e2e e2e-full bench doctor up down clean
ON ?= bare

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

setup: node_modules/.package-lock.json ## Install what package-lock.json pins

soak: setup ## 100,000 metrics/s, a pod killed, the store cut off, a rolling restart: was anything acknowledged lost?
	node bin/proofload.mjs run soak

up: setup ## Bring a cluster up: ON=bare (real Kubernetes without Docker; Linux, root) or ON=kind
	node bin/proofload.mjs up --on $(ON)

down: setup ## Take it down, whole
	node bin/proofload.mjs down --on $(ON)

prove: setup ## Switch on defects of the reference system, one by one, and show which checks turn red; on a cluster, too
	npx vitest run --config vitest.e2e.config.ts --outputFile.json=.cache/prove.json e2e/prove

test: setup ## Format, types, lint, unused code, unit tests: no cluster, no network
	npm test

e2e: setup ## The real thing: soak, crash and undo on this machine, and on a cluster that it brings up and takes down
	npx vitest run --config vitest.e2e.config.ts --exclude 'e2e/prove*'

e2e-full: setup ## The same and everything that takes longer: about two hours
	PROOFLOAD_E2E=full npx vitest run --config vitest.e2e.config.ts

bench: setup ## Speed, as ratios against a baseline of the same run
	npm run bench

doctor: setup ## What is here and what is missing for runs on this machine
	node bin/proofload.mjs doctor

clean: ## Remove what was built, and all runs
	rm -rf dist out
