# Two commands do everything on a machine with Python 3.10 or newer and make:
#   make demo    the main job, shown without any network once the packages are installed
#   make test    the tests, but for the slow ones (make slow) and those against Spark NLP itself (make spark)
# Each makes a virtual environment of its own in this folder and touches no other Python.

PYTHON ?= python3

.PHONY: demo test slow spark fuzz faults soak lint snapshot clean

demo:
	@$(PYTHON) scripts/make_venv.py .venv-demo .
	@.venv-demo/bin/modelhub demo

# Four at once on any machine: they wait more than they compute, for a process, a pace or a pause.
test: .venv-test
	@echo "left out: the slow tests (make slow) and those against Spark NLP itself (make spark)"
	@.venv-test/bin/python -m pytest -n 4 --cov --cov-report=term

slow: .venv-test
	@.venv-test/bin/python -m pytest -m slow -n 4 --maxschedchunk 1

# Brings Spark, three releases of Spark NLP and their jars into ~/.cache/modelhub-tests (830 MB), where they are not yet.
spark: .venv-test
	@.venv-test/bin/python scripts/install_sparknlp.py
	@.venv-test/bin/python -m pytest -m spark -n auto --dist loadfile tests/sparknlp

# Ten minutes by hand; the gate takes one.
SECONDS ?= 600
fuzz: .venv-test
	@cd tests && ../.venv-test/bin/python -m fuzz --seconds $(SECONDS)

# Every system call of seven commands, killed and failed in six ways, and every loss of power: an hour by hand.
# The tests take a sample. Needs strace (Debian: strace), on Linux.
faults: .venv-test
	@cd tests && ../.venv-test/bin/python -m faults.power_loss
	@cd tests && ../.venv-test/bin/python -m faults.crash_points

# Ten minutes by hand, or MINUTES=2.
MINUTES ?= 10
soak: .venv-test
	@cd tests && ../.venv-test/bin/python -m faults.soak --minutes $(MINUTES)

lint: .venv-dev
	@.venv-dev/bin/ruff check .
	@.venv-dev/bin/ruff format --check .
	@.venv-dev/bin/mypy

.PHONY: .venv-test .venv-dev
.venv-test:
	@$(PYTHON) scripts/make_venv.py .venv-test ".[test]" --editable
.venv-dev:
	@$(PYTHON) scripts/make_venv.py .venv-dev ".[dev]" --editable

# Needs the archive of real cards (see CONTRIBUTING in README.md).
snapshot: .venv-dev
	.venv-dev/bin/python scripts/build_snapshot.py ../shared/corpus/hub-2024-09.tar.xz

clean:
	rm -rf .venv-demo .venv-test .venv-dev build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
