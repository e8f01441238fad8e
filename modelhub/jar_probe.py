"""Which jars Spark would find: by their names, in the folders where a Spark of this machine keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

# Where spark.jars.packages, and so sparknlp.start(), puts what it downloads: Spark 3, Spark 4.
_IVY_FOLDERS = (".ivy2/jars", ".ivy2.5.2/jars")
_CLASS_PATHS = ("spark.jars", "spark.driver.extraClassPath")


def find_jars(spark_home: str, conf_dir: str = "") -> list[str]:
    """Names of the jars that Spark finds without being told where.

    Args:
        spark_home: Value of ``SPARK_HOME``; "" where it is not set, and then the installed pyspark is Spark.
        conf_dir: Value of ``SPARK_CONF_DIR``; "" where it is not set, and then Spark has its settings beside its jars.
    """
    home = Path(spark_home) if spark_home else _pyspark_folder()
    folders = [Path.home() / name for name in _IVY_FOLDERS]
    if home:
        settings = Path(conf_dir) if conf_dir else home / "conf"
        folders += [home / "jars", *_class_path_of(settings / "spark-defaults.conf")]
    return [name for folder in folders for name in _names_in(folder)]


def _pyspark_folder() -> Path | None:
    """Where pyspark is installed; it is not imported."""
    with suppress(ImportError, ValueError):
        spec = find_spec("pyspark")
        if spec and spec.origin:
            return Path(spec.origin).parent
    return None


def _class_path_of(defaults: Path) -> Iterator[Path]:
    """The files and folders (``folder/*``) that Spark's defaults put into its class path."""
    try:
        lines = defaults.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if name in _CLASS_PATHS:
            yield from (Path(item.strip()) for item in value.replace(",", ":").split(":") if item.strip())


def _names_in(place: Path) -> Iterable[str]:
    """The jars in a folder, or the one that the path is."""
    if place.suffix == ".jar":
        return [place.name]
    folder = place.parent if place.name == "*" else place
    try:
        return [path.name for path in folder.iterdir() if path.suffix == ".jar"]
    except OSError:
        return []
