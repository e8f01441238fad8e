from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.jar_probe import find_jars


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture
def spark_home(tmp_path: Path) -> Path:
    touch(tmp_path / "spark" / "jars" / "spark-core_2.12-3.5.1.jar")
    touch(tmp_path / "spark" / "jars" / "README")
    return tmp_path / "spark"


def test_jars_of_spark_and_what_ivy_brought(tmp_path: Path, spark_home: Path) -> None:
    touch(tmp_path / ".ivy2" / "jars" / "com.johnsnowlabs.nlp_spark-nlp_2.12-5.5.3.jar")
    touch(tmp_path / ".ivy2.5.2" / "jars" / "org.example_four.jar")

    assert sorted(find_jars(str(spark_home))) == [
        "com.johnsnowlabs.nlp_spark-nlp_2.12-5.5.3.jar",
        "org.example_four.jar",
        "spark-core_2.12-3.5.1.jar",
    ]


def test_the_class_path_of_sparks_defaults(tmp_path: Path, spark_home: Path) -> None:
    touch(tmp_path / "more" / "one.jar")
    touch(tmp_path / "folder" / "two.jar")
    defaults = spark_home / "conf" / "spark-defaults.conf"
    defaults.parent.mkdir()
    defaults.write_text(
        f"# spark.jars {tmp_path}/none.jar\n"
        f"spark.jars={tmp_path}/more/one.jar,{tmp_path}/more/absent.jar\n"
        f"spark.driver.extraClassPath   {tmp_path}/folder/*:\n"
        "spark.driver.memory 4g\n"
    )

    assert set(find_jars(str(spark_home))) == {"spark-core_2.12-3.5.1.jar", "one.jar", "absent.jar", "two.jar"}


def test_sparks_settings_may_lie_elsewhere(tmp_path: Path, spark_home: Path) -> None:
    touch(tmp_path / "more" / "one.jar")
    for folder, jar in ((spark_home / "conf", "none.jar"), (tmp_path / "settings", "one.jar")):
        folder.mkdir()
        (folder / "spark-defaults.conf").write_text(f"spark.jars {tmp_path}/more/{jar}\n")

    assert "one.jar" in find_jars(str(spark_home), str(tmp_path / "settings"))
    assert "one.jar" not in find_jars(str(spark_home))


def test_without_spark_home_the_installed_pyspark_is_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "site" / "pyspark" / "__init__.py")
    touch(tmp_path / "site" / "pyspark" / "jars" / "spark-nlp_2.12-5.5.3.jar")
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert find_jars("") == ["spark-nlp_2.12-5.5.3.jar"]


def test_where_there_is_no_spark_there_are_no_jars(tmp_path: Path) -> None:
    assert find_jars(str(tmp_path / "none")) == []
    assert find_jars("") == []
