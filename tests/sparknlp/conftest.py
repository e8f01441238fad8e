"""Ground for the tests against Spark NLP itself: where it is, and one session of it for all of them."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import serving
from spark_hub import BUCKET, SparkHub
from sparknlp_parts import packages_folder, parts_folder, start_session

INSTALL = "python3 scripts/install_sparknlp.py"
# Read before any test has a home of its own.
PARTS = parts_folder()


@pytest.fixture(scope="session", autouse=True)
def short_lived_jvms() -> Iterator[None]:
    """Let Spark's JVMs spare what only pays in long runs: a quarter of all the time here was the compiler's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield


@pytest.fixture(scope="session")
def parts() -> Path:
    """Where Spark NLP is; its Python packages can be imported then."""
    packages = packages_folder(PARTS)
    if not packages.is_dir():
        pytest.skip(f"Spark NLP is not in {PARTS}; {INSTALL} brings it")
    sys.path.append(str(packages))
    return PARTS


@pytest.fixture(scope="session")
def spark_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Spark NLP of the session takes for its cache."""
    return tmp_path_factory.mktemp("spark") / "cache_pretrained"


@pytest.fixture(scope="session")
def spark_hub(authority: tuple[Path, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHub]:
    """The hub that Spark NLP of the session takes for S3; it is empty at first."""
    with serving(SparkHub(tmp_path_factory.mktemp("hub"), authority[1])) as server:
        yield server


@pytest.fixture(scope="session")
def spark(
    parts: Path, spark_cache: Path, spark_hub: SparkHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The session with Spark NLP 5.5.3. It is slow to start: use it, make no other."""
    work = tmp_path_factory.mktemp("jvm")
    options = {
        "spark.sql.warehouse.dir": str(work),
        "spark.jsl.settings.pretrained.s3_bucket": BUCKET,
        "spark.driver.extraJavaOptions": f"{spark_hub.java_options(work)} -Djava.io.tmpdir={work}",
    }
    session = start_session(parts, spark_cache, options=options)
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Forgive pyspark that it leaves sockets to the garbage collector, and spark-nlp that it uses distutils."""
    forgiven = ("ignore:unclosed <socket:ResourceWarning", "ignore:distutils Version classes:DeprecationWarning")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(*forgiven))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that the tests recorded as properties: each a row under a title."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, [])]
    rows = [(title, str(row)) for report in reports for title, row in report.user_properties]
    for title in dict.fromkeys(title for title, _ in rows):
        terminalreporter.section("Spark NLP and modelhub")
        terminalreporter.write_line(title)
        for row in sorted(row for its_title, row in rows if its_title == title):
            terminalreporter.write_line(row)
