# make test    everything, under the race detector, on a real Consul
# make seeded  the bugs that must be caught: caught
# make simulate  whole meshes under hundreds of seeded plans of faults, in virtual time
# make check   formatting, vet, linters, import directions
# make chaos   whole meshes broken in every way we know, judged promise by promise
# make bench-quick  recovery and steady load, measured in at most five minutes
# make demo    servers die under real players: make demo ARGS='--players 100'

# Tools run as MODULE@VERSION, so that go.mod holds only what Reseat itself needs.
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The oldest Consul that the tests accept from PATH.
CONSUL_MIN := 1.22.5

# Packages tested at once. The suites start processes and measure silence, so
# more at a time than the machine has cores makes them slow, not fast.
PARALLEL ?= 2
TIMEOUT  ?= 15m
FUZZTIME ?= 10s
SEEDS    ?= 200
MESHES   ?= 12
ARGS     ?=
PKGS     ?= ./...

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

.DEFAULT_GOAL := help
.PHONY: help test seeded simulate consul chromium check rules layering fmt fuzz bench bench-quick build chaos demo clean

help: ## say what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

# find_consul prints the path of a Consul that is new enough: $RESEAT_CONSUL,
# then PATH, then one built from its Go module (minutes, once).
define find_consul
	if [[ -n "$${RESEAT_CONSUL:-}" ]]; then echo "$$RESEAT_CONSUL"; exit; fi; \
	if path=$$(command -v consul); then \
		have=$$("$$path" version | sed -nE '1s/^Consul v([0-9.]+).*/\1/p'); \
		if printf '%s\n' $(CONSUL_MIN) "$$have" | sort -V -C; then echo "$$path"; exit; fi; \
		echo "consul $$have of PATH is older than $(CONSUL_MIN)" >&2; \
	fi; \
	tools/consul/build.sh
endef

# The commands' tests run alone, after all others: they start a dozen processes each,
# which take each other for dead on a machine that has too much to do.
test: ## run everything with -race -shuffle=on, the suites on a real Consul and in a real browser included
	@consul=$$($(find_consul)); \
	version=$$("$$consul" version | sed -n 1p); \
	export RESEAT_CONSUL="$$consul"; \
	if chromium=$$(tools/chromium/find.sh); then export RESEAT_CHROMIUM="$$chromium"; fi; \
	set -x; go test -race -shuffle=on -p $(PARALLEL) -timeout $(TIMEOUT) $$(go list $(PKGS) | grep -v /cmd/reseat$$); \
	if [[ "$(PKGS)" == ./... ]]; then go test -race -shuffle=on -timeout $(TIMEOUT) ./cmd/reseat; fi; { set +x; } 2>/dev/null; \
	echo "ran $$(go list $(PKGS) | wc -l) packages with -race -shuffle=on, and $$version ($$consul)"
	@$(MAKE) --no-print-directory seeded simulate

seeded: ## switch each seeded bug on, and see it caught
	go test -tags fault -count=1 -timeout 2m ./buffer/fault
	go test -tags fault -count=1 -timeout 2m -run '^TestSeededBugs$$' -v ./proxy | grep -E '^(seeded|[a-z-]+ +(NOT )?(CAUGHT|caught))|Messages|Error:|^(ok|FAIL)'

simulate: ## SEEDS plans of faults (200) for one region, MESHES (12) for several, in virtual time
	RESEAT_SEEDS=$(SEEDS) go test -count=1 -timeout 15m -run '^TestSimulation$$' -v ./proxy | \
		grep -E '^ *(--- FAIL|ok|FAIL|panic)|plans, |repeat with|Error:|Messages:|violat'
	RESEAT_MESH_SEEDS=$(MESHES) go test -count=1 -timeout 15m -run '^TestMeshSimulation$$' -v ./proxy | \
		grep -E '^ *(--- FAIL|ok|FAIL|panic)|repeat with|Error:|Messages:'

consul: ## find or build the Consul that the tests use, and print its path
	@$(find_consul)

chromium: ## find or unpack the Chromium that the tests use, and print its path
	@tools/chromium/find.sh

check: layering rules ## formatting, go vet, go.mod, linters, import directions
	@unformatted=$$(go run $(GOFUMPT) -l .); \
	if [[ -n "$$unformatted" ]]; then echo "run 'make fmt' for:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags fault ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...
	go run $(GOLANGCI) run ./...

rules: ## the alert rules and the dashboard of deploy/ are PromQL
	cd tools/promql && go test -count=1 ./...

layering: ## packages import each other in one direction only
	go test -run '^TestLayering$$' -count=1 .

fmt: ## format the code
	go run $(GOFUMPT) -w .

fuzz: ## each fuzz target for FUZZTIME (10s)
	@grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r dir; do \
		for target in $$(go test -list '^Fuzz' "$$dir" | grep '^Fuzz'); do \
			echo "== $$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$dir" </dev/null; \
		done; \
	done

bench: ## all benchmarks, with allocations
	go test -run '^$$' -bench . -benchmem -p 1 $(PKGS)

bench-quick: build ## measure recovery and steady load in at most five minutes; tables, and plots in bench/results
	@consul=$$($(find_consul)); export RESEAT_CONSUL="$$consul"; \
	good=true; \
	bin/reseat bench recovery --quick || good=false; \
	bin/reseat bench steady --quick || good=false; \
	$$good

build: ## a static binary in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

chaos: build ## break whole meshes on a real Consul and judge each run; flags in ARGS
	@consul=$$($(find_consul)); export RESEAT_CONSUL="$$consul"; bin/reseat chaos $(ARGS)

demo: ## servers die under real players; flags in ARGS
	go run ./cmd/reseat demo $(ARGS)

clean: ## remove what was built, the cached Consul excepted
	rm -rf bin
