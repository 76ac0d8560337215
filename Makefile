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

# --- environments -------------------------------------------------------------------------------

$(VENV)/bin/pip:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.try: pyproject.toml constraints.txt constraints-embedded.txt | $(VENV)/bin/pip
	@echo "installing remit into $(VENV) (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints-embedded.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.try
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,langchain,dev]'
	@touch $@

constraints:                 ## resolve anew what is pinned (names==versions, no addresses)
	@rm -rf $(CACHE)/resolve && $(PYTHON) -m venv $(CACHE)/resolve
	@$(CACHE)/resolve/bin/pip install --quiet --disable-pip-version-check '.[embedded,langchain,dev,bench]'
	@$(CACHE)/resolve/bin/pip freeze --exclude remit > constraints.txt

# --- the real OPA: the one on the PATH when it is new enough, else built once ---------------------

opa: $(OPA)
$(OPA):
	@mkdir -p $(CACHE)/bin
	@if command -v opa >/dev/null && [ "v$$(opa version | sed -n 's/^Version: //p')" = "$(OPA_VERSION)" ]; \
	  then ln -sf "$$(command -v opa)" $@; \
	  else echo "building OPA $(OPA_VERSION) (once)"; GOBIN="$(CURDIR)/$(CACHE)/bin" go install github.com/open-policy-agent/opa@$(OPA_VERSION); fi
