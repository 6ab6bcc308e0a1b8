# make run: from a fresh clone to an archive in the browser. make test: lint, types, import rules, all tests.
PYTHON ?= python3
ARCHIVE ?= archive.db
PORT ?= 8001
SITE_PORT ?= 8002
PAGES ?=
BIN := .venv/bin
SETTINGS = -s ARCHIVE=$(ARCHIVE) $(if $(CONTACT),-s CONTACT=$(CONTACT)) $(if $(AGENCIES),-s AGENCIES=$(AGENCIES))

.PHONY: install run crawl serve test lint format browser agencies bench year clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make install needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: install            ## the sample agencies, crawled over loopback; PAGES=../shared adds stored real pages
	$(BIN)/python -m tests.site demo --archive $(ARCHIVE) --port $(PORT) --site-port $(SITE_PORT) $(if $(PAGES),--pages $(PAGES))

crawl: install          ## the live agencies; CONTACT=you@example.se tells webmasters whom to ask
	@$(BIN)/scrapy crawl news $(SETTINGS); new=$$?; [ $$new -eq 2 ] && exit 2; \
		$(BIN)/scrapy crawl revisit $(SETTINGS); again=$$?; [ $$new -gt $$again ] && exit $$new; exit $$again

serve: install          ## the archive in the browser
	$(BIN)/python -m archive serve $(ARCHIVE) --port $(PORT)

test: lint browser
	$(BIN)/pytest -q -n 2 --dist worksteal

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: install        ## a Chromium for the browser tests
	@$(BIN)/python -m tests.browser.install

agencies: install       ## the table of what is read, from the list of agencies and the stored pages
	$(BIN)/python -m tests.agencies

bench: install
	$(BIN)/python -m tests.bench

year: install           ## a simulated year of the sample agencies: was every edit, removal and outage told right?
	$(BIN)/python -m tests.year

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .screenshots archive.db archive.db-* archive.lock captures.db captures.db-*
	find scraper archive tests -name __pycache__ -type d -prune -exec rm -rf {} +
