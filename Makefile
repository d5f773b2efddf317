# Two commands do all the setup: `make lab` opens the course, `make test` tests it.
# With another Python's PYTHONHOME, no Python starts here, so none could report the problem.
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help lab test busy demo check doctor stop refresh lint bench browser manifests test-docker matrix

VENV  := $(or $(COURSE_VENV),.venv)
SETUP := python3 tools/bootstrap.py
IN    := $(VENV)/bin/python -m

help:     ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

lab:      ## set up what is missing, then open the course in JupyterLab
	@$(SETUP) && $(IN) workshop lab

test:     ## test every stage, every check and every notebook; a part: make test ARGS="tests -k 03"
	@$(SETUP) && $(IN) workshop test $(ARGS)

busy:     ## run the checks alongside four busy loops per core: does correct work still pass?
	@$(SETUP) && $(IN) pytest -m busy tests/checks/test_busy.py

demo:     ## the guide's final example: an answer at once, the work seconds later
	@$(SETUP) && $(IN) workshop demo

check:    ## look at your work: make check STEP=03
	@$(SETUP) --quiet && $(IN) workshop check $(STEP)

doctor:   ## is this machine ready? what is wrong, and what to type
	@$(SETUP) --quiet && $(IN) workshop doctor

stop:     ## end what this checkout started, and nothing else
	@if [ -x $(VENV)/bin/python ]; then $(IN) workshop stop; else echo "nothing was set up here"; fi

refresh:  ## run every notebook again and save what it shows
	@$(SETUP) && $(IN) tools.refresh $(ARGS)

lint:     ## style, format, types, spelling, words, and which package may import which
	@$(SETUP) --quiet && $(IN) ruff check . && $(IN) ruff format --check . && $(IN) mypy \
		&& $(VENV)/bin/codespell && $(IN) tools.words && $(VENV)/bin/lint-imports

bench:    ## the course's own measurements, as a table
	@$(SETUP) && $(IN) tools.bench $(ARGS)

browser:  ## get Playwright and Chromium, for the tests that look at Lab and at the diagrams
	@$(SETUP) --browser

manifests: ## get Kubernetes' schemas, for the tests of deploy/
	@$(SETUP) && $(IN) pip install -q -e ".[manifests]"

test-docker: ## test the containers on a Docker Engine
	@$(SETUP) && $(IN) pytest tests/docker -rs -x

matrix:   ## make test in bare Debian 12 and 13, as root and as a user: make matrix ONLY="debian 13, user" ARGS=…
	@python3 -m tools.matrix
