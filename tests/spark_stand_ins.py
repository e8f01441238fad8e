"""Packages that stand in for pyspark and Spark NLP: their faces as far as we touch them, and no JVM behind.

The real ones, with a JVM, are in tests/sparknlp.
"""

from __future__ import annotations

from pathlib import Path

PYSPARK = {
    "__init__.py": """
class SparkContext:
    _active_spark_context = None
    version = "3.5.1"
""",
    "sql.py": """
class SparkSession:
    settings = {}

    @property
    def conf(self):
        return self.settings

    class builder:
        @staticmethod
        def getOrCreate():
            return SparkSession()
""",
    "ml.py": """
class PipelineModel:
    @staticmethod
    def load(path):
        return "pipeline", path
""",
}
SPARK_NLP = {
    "__init__.py": """
def version():
    return "{release}"
""",
    "annotator.py": """
class Tiny:
    name = "Tiny"

    @classmethod
    def pretrained(cls, name="tiny_pos", lang="en", remote_loc=None):
        from sparknlp.pretrained import ResourceDownloader
        return ResourceDownloader.downloadModel(cls, name, lang, remote_loc)

    @classmethod
    def pretrainedEngine(cls, name, lang, engine):
        from sparknlp.pretrained import ResourceDownloader
        return ResourceDownloader.downloadModel(cls, name, lang, None, engine, False)

    @classmethod
    def load(cls, path):
        return cls.__name__, path


class Other(Tiny):
    name = "Other"
""",
}
SEAMS = {
    "5.5.3": "reader, name, language, remote_loc=None, j_dwn='PythonResourceDownloader'",
    "7.0.0": "reader, name, language, remote_loc=None, engine='onnx', skip_preferred_engine=False, j_dwn='Python…'",
}
PRETRAINED = """
class ResourceDownloader:
    @staticmethod
    def downloadModel({parameters}):
        raise RuntimeError("Spark NLP was asked to download " + name)

    @staticmethod
    def downloadPipeline(name, language, remote_loc=None):
        raise RuntimeError("Spark NLP was asked to download " + name)


class PretrainedPipeline:
    def __init__(self, name, lang="en", remote_loc=None):
        self.model = ResourceDownloader().downloadPipeline(name, lang, remote_loc)
"""


def write_stand_ins(folder: Path, release: str = "5.5.3") -> None:
    """Write both packages, as if pip had installed them."""
    pretrained = PRETRAINED.format(parameters=SEAMS[release])
    spark_nlp = {name: text.replace("{release}", release) for name, text in SPARK_NLP.items()}
    for package, files in (("pyspark", PYSPARK), ("sparknlp", spark_nlp | {"pretrained.py": pretrained})):
        (folder / package).mkdir(parents=True)
        for name, text in files.items():
            (folder / package / name).write_text(text, encoding="utf-8")
    for name in ("pyspark-3.5.1", f"spark_nlp-{release}"):
        (folder / f"{name}.dist-info").mkdir()
