# Everything a user or CI runs. `make try` needs nothing but Python 3.11; `make test` runs everything.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CACHE  := .cache
OPA_VERSION := v1.21.3
OPA    := $(CACHE)/bin/opa

.PHONY: try test check lint types layers rego unit bench agentdojo wheel opa constraints clean

try: $(VENV)/.try            ## a live demonstration: one gateway, one tool, one agent session
	@$(BIN)/remit try

test: check unit             ## everything; CI runs this and nothing else

check: lint types layers rego ## what needs no running process

lint: $(VENV)/.dev
	@$(BIN)/ruff check && $(BIN)/ruff format --check --quiet

types: $(VENV)/.dev
	@$(BIN)/mypy

layers: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo

unit: $(VENV)/.bench $(OPA)
	@$(BIN)/pytest -q

wheel: $(VENV)/.dev          ## the wheel, into dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist

clean:
	@rm -rf $(VENV) $(CACHE) dist build

# --- environments -------------------------------------------------------------------------------

$(VENV)/bin/pip:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.try: pyproject.toml constraints.txt constraints-embedded.txt | $(VENV)/bin/pip
	@echo "installing remit into $(VENV) (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints-embedded.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.try
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,langchain,dev]' hatchling
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,langchain,dev,bench]'
	@touch $@

constraints:                 ## resolve anew what is pinned (names==versions, no addresses)
	@rm -rf $(CACHE)/resolve && $(PYTHON) -m venv $(CACHE)/resolve
	@$(CACHE)/resolve/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints-embedded.txt
	@$(CACHE)/resolve/bin/pip install --quiet --disable-pip-version-check '.[embedded,langchain,dev,bench]' hatchling
	@$(CACHE)/resolve/bin/pip freeze --exclude remit > constraints.txt

# --- the real OPA: the one on the PATH when it is new enough, else built once ---------------------

opa: $(OPA)
$(OPA):
	@mkdir -p $(CACHE)/bin
	@if command -v opa >/dev/null && [ "v$$(opa version | sed -n 's/^Version: //p')" = "$(OPA_VERSION)" ]; \
	  then ln -sf "$$(command -v opa)" $@; \
	  else echo "building OPA $(OPA_VERSION) (once)"; GOBIN="$(CURDIR)/$(CACHE)/bin" go install github.com/open-policy-agent/opa@$(OPA_VERSION); fi

# --- policy: the Rego, and the words that are generated from it ----------------------------------

REGO := policies/rego

.PHONY: texts

rego: $(OPA)                 ## check, format, test (every line) the shipped Rego; `regal lint` too where it is installed
	@$(OPA) check --strict --capabilities $(REGO)/capabilities.json $(REGO)
	@$(OPA) fmt --diff --fail $(REGO)
	@$(OPA) test $(REGO)
	@$(OPA) test --coverage --threshold=100 $(REGO) >/dev/null
	@if command -v regal >/dev/null; then regal lint $(REGO); else echo "regal is not installed: not linted"; fi

texts: $(OPA)                ## the words for reason codes, anew from the METADATA
	@$(BIN)/python -m remit.policy.texts $(OPA)

# --- what it costs --------------------------------------------------------------------------------

bench: $(VENV)/.try $(OPA)   ## figures against a bare proxy, in one interleaved run (under 3 minutes; Linux)
	@$(BIN)/python -m bench.figures

RUNS  ?= ../shared/data/agentdojo/runs.jsonl.gz
LIMIT ?= 1200
ENGINE ?= opa

agentdojo: $(VENV)/.bench $(OPA) ## recorded agent runs through a gateway (RUNS=file LIMIT=n ENGINE=opa|embedded)
	@$(BIN)/python -m bench.agentdojo --runs $(RUNS) --limit $(LIMIT) --engine $(ENGINE) --opa $(OPA)
