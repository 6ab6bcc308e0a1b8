# make run: from a fresh clone to an archive in the browser. make test: lint, types, import rules, all tests but the slow ones.
PYTHON ?= python3
ARCHIVE ?= archive.db
PORT ?= 8001
SITE_PORT ?= 8002
PAGES ?=
N ?= 200
BIN := .venv/bin
PYTEST = $(BIN)/pytest -q -n 2 --dist worksteal
# a name of its own: make -n would run a recipe with $(MAKE) in it
LINT = $(MAKE) --no-print-directory lint
DATASETTE_NEXT ?= 1.0a41
NEXT_TESTS = $(addprefix tests/archive/,views web test_queries.py test_api.py test_url_parameters.py store/test_takedowns.py changes/test_change_feed.py)
unexport PYTHONDONTWRITEBYTECODE # else each of the tests' some hundred commands compiles every module anew
SETTINGS = -s ARCHIVE=$(ARCHIVE) $(if $(CONTACT),-s CONTACT=$(CONTACT)) $(if $(AGENCIES),-s AGENCIES=$(AGENCIES))

.PHONY: install run crawl serve test test-slow test-next lint format browser looks texts lock fonts agencies reference bench bulk year fuzz quarter kill locked weather replicas workers clients survey past clean

install: .venv/installed

.venv/installed: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make install needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: install            ## the sample agencies, crawled over loopback; PAGES=../shared adds stored real pages
	@mkdir -p $(dir $(ARCHIVE))
	$(BIN)/python -m tests.site demo --archive $(ARCHIVE) --port $(PORT) --site-port $(SITE_PORT) $(if $(PAGES),--pages $(PAGES))

crawl: install          ## a round of the live agencies; CONTACT=you@example.se tells webmasters how to reach you
	@mkdir -p $(dir $(ARCHIVE))
	@$(BIN)/scrapy round $(SETTINGS)

serve: install          ## the archive in the browser
	$(BIN)/python -m archive serve $(ARCHIVE) --port $(PORT)

test: install .venv/pandas/installed  ## all but the slow tests, and lint beside them, whose output comes after theirs
	@$(LINT) > .venv/lint.log 2>&1 & lint=$$!; \
		$(PYTEST) -m 'not slow'; tests=$$?; \
		wait $$lint; linted=$$?; cat .venv/lint.log; exit $$((tests | linted))

test-slow: browser .venv/pandas/installed  ## the tests that take long whatever the code does
	$(PYTEST) -m slow

test-next: .venv-next/datasette-$(DATASETTE_NEXT)  ## the site and the sandbox on the next Datasette; DATASETTE_NEXT=1.0a42
	.venv-next/bin/python -m pytest -q -n 2 --dist worksteal -p no:datasette $(NEXT_TESTS)  # it closes sites that tests share

.venv-next/datasette-$(DATASETTE_NEXT): .venv/installed  ## Datasette and what it needs; everything else is that of .venv
	@rm -rf $(@D)
	$(BIN)/python -m venv $(@D)
	@grep -v '^datasette==' constraints.txt > $(@D)/constraints.txt
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $(@D)/constraints.txt 'datasette==$(DATASETTE_NEXT)'
	@packages="import sysconfig; print(sysconfig.get_path('purelib'))"; \
		echo "import site; site.addsitedir('$$($(BIN)/python -c "$$packages")')" \
		> "$$($(@D)/bin/python -c "$$packages")/shared.pth"
	@touch $@

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry archive scraper

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/pandas/installed: .venv/installed  ## tests read datasets with it; off the path, for sqlite-utils imports it where it can, 80 MB a process
	@rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --target $(@D) 'pandas>=2.3'
	@touch $@

browser: install        ## a Chromium for the browser tests
	@$(BIN)/python -m tests.browser.install

looks: browser          ## pictures of every page in .screenshots, and README's
	SCREENSHOT=1 $(BIN)/pytest -q tests/browser/test_looks.py

texts: install          ## after an edit of archive/locale: other languages get the keys of the Swedish file, then compile
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --no-wrap --ignore-obsolete --ignore-pot-creation-date \
		--domain myndighetsarkivet --output-dir archive/locale \
		--input-file archive/locale/sv/LC_MESSAGES/myndighetsarkivet.po
	$(BIN)/pybabel --quiet compile --domain myndighetsarkivet --directory archive/locale

lock:                   ## requirements.lock: constraints.txt with hashes, for servers; after an edit of pyproject.toml or constraints.txt
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9'
	@printf 'setuptools>=77\nbabel>=2.17\n' > .venv/uv/build.in # what builds the package
	.venv/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11.5 --no-header --no-annotate \
		-c constraints.txt --extra datasets pyproject.toml .venv/uv/build.in -o requirements.lock

fonts:                  ## archive/static/*.woff2, made of Adobe's; then put their hashes into style.css, as a test says
	@rm -rf .venv/fonts && mkdir -p .venv/fonts
	cd .venv/fonts && npm install --silent --no-save source-serif@4.5.1 source-sans@3.52.0
	$(PYTHON) -m venv .venv/fonts/python
	.venv/fonts/python/bin/python -m pip install --quiet --disable-pip-version-check 'fonttools==4.68.0' 'brotli==1.2.*'
	.venv/fonts/python/bin/python -m tests.fonts .venv/fonts/node_modules

agencies: install       ## docs/agencies.md: how right the stored real pages of each agency are read
	$(BIN)/python -m tests.agencies

reference: install      ## docs/reference and scraper/agencies.schema.json, from what the code says of settings, keys, tables, commands and addresses
	$(BIN)/python -m tests.reference

bench: .venv/bench      ## what everything costs beside named baselines; N= releases of the largest archive searched
	$(BIN)/python -m tests.bench $(if $(filter command line,$(origin N)),$(N))

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

bulk: install           ## datasets and the delta of N releases: cost, memory, and do they hold what the archive shows?
	$(BIN)/python -m tests.harness.bulk $(if $(filter command line,$(origin N)),$(N))

year: install           ## a simulated year of the sample agencies: was every edit, removal and outage recorded correctly?
	$(BIN)/python -m tests.harness.year

fuzz: install           ## N damaged pages, feeds and sitemaps: only documented errors, and only what can be kept and shown
	$(BIN)/python -m tests.harness.fuzz $(N) $(if $(SEED),--seed $(SEED))

quarter: install        ## three scripted months: did the status page turn red for true faults, and only for them?
	$(BIN)/python -m tests.harness.quarter
	$(BIN)/python -m tests.harness.quarter --month
	$(BIN)/python -m tests.harness.quarter.crisis

kill: install           ## N kills (-9) at random moments of crawls, reparses and rounds: is anything lost or doubled?
	$(BIN)/python -m tests.harness.kill $(N) $(if $(SEED),--seed $(SEED))

locked: install         ## attacks on the served archive, alone and eight at once beside a reader
	$(BIN)/python -m tests.harness.locked

weather: install        ## hostile sites and a full disk: a clear outcome each, bounded memory, the others unharmed
	$(BIN)/python -m tests.harness.weather --markdown tests/harness/weather/WEATHER.md

replicas: .venv/litestream  ## two replicas behind nginx while crawls write, then back-ups put back; needs nginx
	$(BIN)/python -m tests.harness.replicas

.venv/litestream: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[litestream]'
	@touch $@

workers: install        ## 1, 2 and 4 workers crawl for one archive, some killed: nothing lost, doubled or asked too fast?
	$(BIN)/python -m tests.harness.workers

clients: .venv/clients .venv/pandas/installed .venv/pywb/installed .venv/mlcroissant/installed  ## what clients get, and what the database holds; CORPUS=archive.db
	$(BIN)/python -m tests.harness.clients $(if $(CORPUS),--corpus $(CORPUS))

.venv/clients: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[clients]'
	@touch $@

.venv/pywb/installed: .venv/installed  ## off the path, for it needs a redis of long ago
	@rm -rf $(@D)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(@D) 'pywb==2.10.0' && touch $@ || \
		echo "pywb cannot be installed here (it needs a C compiler): its checks are left out" >&2

.venv/mlcroissant/installed: .venv/installed  ## off the path, for it needs pandas
	@rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --target $(@D) 'mlcroissant>=1.1,<2'
	@touch $@

past: .venv/pywb/installed  ## three years in a web archive (pywb), read by an archive that begins today: found, and nothing invented?
	$(BIN)/python -m tests.harness.past $(if $(SEED),--seed $(SEED))

survey: install         ## thirty agencies surveyed: are the verdicts an operator's? And after kills, and a night of 285?
	$(BIN)/python -m tests.harness.survey $(if $(SEED),--seed $(SEED))

clean:
	rm -rf .venv .venv-next build dist survey *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .screenshots archive.db archive.db-* archive.lock archive.round.lock archive.writer.lock captures.db captures.db-* withheld.db withheld.db-*
	find scraper archive tests -name __pycache__ -type d -prune -exec rm -rf {} +
