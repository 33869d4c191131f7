# One line each; `make` alone lists them. Every target sets itself up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup soak prove test e2e bench doctor clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

setup: node_modules/.package-lock.json ## Install what package-lock.json pins

soak: setup ## 100,000 metrics/s, a pod killed, the store cut off, a rolling restart: was anything acknowledged lost?
	node bin/proofload.mjs run soak

prove: setup ## Switch on each defect of the reference system and show which checks turn red
	npx vitest run --config vitest.e2e.config.ts e2e/prove

test: setup ## Format, types, lint, unused code, unit tests: no cluster, no network
	npm test

e2e: setup ## The real thing on this machine: soak, proofs, crash and undo, bad input
	npm run test:e2e

bench: setup ## Speed, as ratios against a baseline of the same run
	npm run bench

doctor: setup ## What is here, what is missing, and for which command
	node bin/proofload.mjs doctor

clean: ## Remove what was built, and all runs
	rm -rf dist out
