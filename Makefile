# The tasks of Stent's development. `make help` lists them.
#
# Tools are pinned by tools/go.mod and tools/lint/go.mod and built by the go
# command when they are first used. What the system has to provide (gcc, node)
# is installed by tools/need on Debian as root; elsewhere it says what to install.

SQLC    := go tool -modfile=tools/go.mod sqlc
OAPI    := go tool -modfile=tools/go.mod oapi-codegen
LINT    := go tool -modfile=tools/lint/go.mod golangci-lint
REDOCLY := npx --yes @redocly/cli@2.77.0
TESTENV := go run ./internal/testenv/cmd/testenv

API_CONFIG := internal/http/api/config.yaml
API_CODE   := internal/http/api/api.gen.go
PAGES   := cli settings # of docs/, written by stent itself

TEST_TIMEOUT  := 25m
BENCH_TIMEOUT := 15m
BENCH         := .

export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the three programs into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/api ./cmd/scheduler ./cmd/stent

.PHONY: demo
demo: ## Run the demo workflow on embedded SQLite
	go run ./cmd/stent demo

.PHONY: test
test: ## Run every test with the race detector, on SQLite, PostgreSQL, Redis and Chromium
	@tools/need gcc "gcc libc6-dev" "the race detector"
	$(TESTENV) -require sqlite,postgres,redis,chromium -- \
		env CGO_ENABLED=1 go test -race -count=1 -timeout $(TEST_TIMEOUT) ./...

.PHONY: bench
bench: ## Benchmark the decision core, both stores and the whole service
	$(TESTENV) -- go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout $(BENCH_TIMEOUT) ./internal/workflow/... ./internal/db/...
	$(TESTENV) -- go run ./bench

.PHONY: generate
generate: ## Generate the code for queries (sqlc) and for openapi.yaml (oapi-codegen), pages of docs/ and the table of metrics
	$(SQLC) generate
	$(OAPI) -config $(API_CONFIG) openapi.yaml
	for page in $(PAGES); do go run ./cmd/stent reference $$page > docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md || exit 1; done
	go test ./internal/telemetry -run TestMetricsAreDocumented -update

.PHONY: verify
verify: verify-format verify-modules verify-generated verify-lint verify-scripts verify-openapi verify-compose ## Check all that needs no test: format, modules, generated code, linters, OpenAPI

.PHONY: verify-format
verify-format:
	@echo "== gofmt"
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }

.PHONY: verify-modules
verify-modules:
	@echo "== modules"
	go mod verify
	go mod tidy -diff

# A check changes nothing. The generator heeds the output that its configuration
# names over -o, so it gets a copy that names a temporary directory.
.PHONY: verify-generated
verify-generated:
	@echo "== generated code"
	@tools/need gcc "gcc libc6-dev" "building sqlc"
	$(SQLC) diff
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
		sed "s|^output:.*|output: $$fresh/api.gen.go|" $(API_CONFIG) > "$$fresh/config.yaml" && \
		$(OAPI) -config "$$fresh/config.yaml" openapi.yaml && \
		diff -u $(API_CODE) "$$fresh/api.gen.go" || { echo "stale: run make generate"; exit 1; }
	@for page in $(PAGES); do \
		go run ./cmd/stent reference $$page | diff -u docs/$$page.md - || { echo "stale: run make generate"; exit 1; }; done

.PHONY: verify-lint
verify-lint:
	@echo "== go vet and golangci-lint"
	go vet ./...
	$(LINT) run

# node takes the kind of a module from the name of its file or from its option, which needs standard input.
.PHONY: verify-scripts
verify-scripts:
	@echo "== modules of the dashboard"
	@tools/need node nodejs "checking the dashboard's modules"
	@find web/js -name '*.js' ! -name theme-first.js | while read -r file; do \
		node --check --input-type=module - < "$$file" || { echo "in $$file"; exit 1; }; done
	@node --check web/js/theme-first.js

.PHONY: verify-openapi
verify-openapi:
	@echo "== OpenAPI"
	@tools/need npx "nodejs npm" "linting openapi.yaml"
	$(REDOCLY) lint openapi.yaml

.PHONY: verify-compose
verify-compose:
	@echo "== compose.yaml"
	@if docker compose version >/dev/null 2>&1; then \
		docker compose config --quiet && echo "valid"; \
	else \
		echo "not checked: there is no docker compose here"; \
	fi
