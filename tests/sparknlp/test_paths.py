"""From which paths Spark NLP loads, sign by sign; and that an alias loads whatever the path."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from modelhub.aliases import Aliases
from modelhub.spark_paths import unreadable_sign

pytestmark = pytest.mark.spark
NAMES = ["a b", "tab\tin", "100%", "5%2", "a:b", "12:30", "a,b", "[b]", "{b}", 'a"b', "a\\b", "a|b", "a^b", "a`b"]
NAMES += ["<b>", "plain", "a%20b", "a#b", "a+b", "a&b", "a=b", "a@b", "a~b", "a'b", "(b)", "a;b", "a!b"]
NAMES += ["a$b", "é", "日本"]
PATTERNS = ["a*b", "a?b"]


@pytest.fixture(scope="module")
def saved(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer: it has features besides its metadata, and loads in no time."""
    from sparknlp.annotator import Tokenizer
    from sparknlp.base import DocumentAssembler

    assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    data = assembler.transform(spark.createDataFrame([["A word."]], ["text"]))
    folder = tmp_path_factory.mktemp("saved") / "tokenizer"
    Tokenizer().setInputCols("document").setOutputCol("token").fit(data).write().save(str(folder))
    return folder


def loads(path: Path) -> bool:
    from sparknlp.annotator import TokenizerModel

    try:
        TokenizerModel.load(str(path))
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_path_loads_as_we_say_and_its_alias_always(spark: Any, saved: Path, tmp_path: Path, name: str) -> None:
    is_utf8 = spark._jvm.java.lang.System.getProperty("sun.jnu.encoding") == "UTF-8"
    path = tmp_path / name / "tokenizer"
    shutil.copytree(saved, path)
    aliases = Aliases(tmp_path / "home", is_utf8=lambda: is_utf8)

    assert loads(path) == (not unreadable_sign(str(path), is_utf8=is_utf8))
    assert loads(aliases.loadable(path))


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_stands_for_more_than_itself(saved: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "tokenizer"
    shutil.copytree(saved, path)
    shutil.copytree(saved / "metadata", tmp_path / "a!b" / "tokenizer" / "metadata")
    (tmp_path / "a!b" / "tokenizer" / "metadata" / "part-00000").write_text("{}")
    (tmp_path / "a!b" / "tokenizer" / "metadata" / ".part-00000.crc").unlink()
    aliases = Aliases(tmp_path / "home", is_utf8=lambda: True)

    assert not loads(path)
    assert loads(aliases.loadable(path))
