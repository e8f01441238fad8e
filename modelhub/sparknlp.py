"""Spark NLP's ``.pretrained()`` from our cache: no network where the model is there, our errors where it is not.

::

    import modelhub.sparknlp

    modelhub.sparknlp.enable()
    tagger = BertForTokenClassification.pretrained("bert_pos_4L_weight_decay", "en")

or, without touching the code, ``python -m modelhub.sparknlp script.py``. In Python all of ``.pretrained()`` and of
``PretrainedPipeline(…)`` ends in two functions of one class, ``sparknlp.pretrained.ResourceDownloader``: they are
replaced, and nothing else is. Later arguments of theirs differ by release, so they are read by the names that the
release itself gives them.
"""

from __future__ import annotations

import inspect
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from modelhub import spark
from modelhub.amounts import bytes_text
from modelhub.config import Config, load_config
from modelhub.errors import IncompatibleError, UsageError
from modelhub.hub import Hub
from modelhub.output import Output, tell
from modelhub.progress import Progress
from modelhub.references import Reference
from modelhub.saved_models import read_saved_model

_SEAM = ("downloadModel", "downloadPipeline")
_CACHE_SETTING = "spark.jsl.settings.pretrained.cache_folder"
_NOT_SET = ("default", "installed package")
_originals: dict[str, Any] = {}  # what is to be put back
_USAGE = "Write python -m modelhub.sparknlp SCRIPT.py [ARGUMENT …], or -m MODULE in the place of the script."


class Enabled:
    """What :func:`enable` returns: as a context manager it disables at its end."""

    def __enter__(self) -> Enabled:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        disable()


def enable(*, on_note: Callable[[str], None] = tell, **settings: Any) -> Enabled:
    """Answer ``.pretrained()`` and ``PretrainedPipeline(…)`` from our cache, and pull what is not there.

    Enabled once more, the later settings count. Models suit the Spark NLP and the Spark that run, and the cache is that
    of the session, where neither a setting nor the environment names others.

    Args:
        on_note: Called with each sentence that deserves to be said; they go to standard error by default.
        settings: Any field of :class:`modelhub.config.Config`, such as ``cache="models"`` or ``offline=True``.

    Raises:
        UsageError: Spark NLP is not installed, or a setting cannot be understood.
    """
    load_config(settings)  # what is wrong with them shall show here, not at the first model
    seam = _seam()
    for name in _SEAM:
        _originals.setdefault(name, inspect.getattr_static(seam, name))
    answering = _Answering(settings, on_note)
    seam.downloadModel = staticmethod(answering.model)
    seam.downloadPipeline = staticmethod(answering.pipeline)
    return Enabled()


def disable() -> None:
    """Let Spark NLP download by itself again; nothing happens where nothing was enabled."""
    while _originals:
        name, original = _originals.popitem()
        setattr(_seam(), name, original)


def main(words: Sequence[str]) -> None:
    """Run a script, or with ``-m`` a module, as Python would, with Spark NLP answered from our cache.

    Args:
        words: Those of the command line, without the program's name.

    Raises:
        SystemExit: The script ends so, or there is nothing to run.
        Exception: What the script raises.
    """
    try:
        program, arguments, is_module = _program_in(words)
        enabled = enable()
    except UsageError as exc:
        Output().failure(exc)
        sys.exit(exc.exit_status)
    sys.argv[:] = [program, *arguments]
    with enabled:
        if is_module:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(program).resolve().parent)  # where -m has put the current folder
            runpy.run_path(program, run_name="__main__")


def _program_in(words: Sequence[str]) -> tuple[str, Sequence[str], bool]:
    """The script or module that a command line names, its arguments, and whether it is a module.

    Raises:
        UsageError: It names none, or a script that is not there.
    """
    is_module = list(words[:1]) == ["-m"]
    named = list(words[1:] if is_module else words)
    if not named or not (is_module or Path(named[0]).exists()):
        raise UsageError(f"There is no script {named[0]}." if named else "There is no script to run.", hint=_USAGE)
    return named[0], named[1:], is_module


class _Answering:
    """What takes the place of the two functions.

    Args:
        settings: Those of :func:`enable`.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(self, settings: Mapping[str, Any], on_note: Callable[[str], None]) -> None:
        self._settings = settings
        self._note = on_note

    def model(
        self, reader: Any, name: str, language: str | None, remote_loc: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """``downloadModel``: the annotator of a name."""
        original = _originals["downloadModel"].__func__
        more = inspect.signature(original).bind(reader, name, language, remote_loc, *args, **kwargs).arguments
        chooses_engine = "engine" in inspect.signature(original).parameters and not more.get("skip_preferred_engine")
        annotator = reader.__name__ if chooses_engine else ""
        config = self._config(annotator=annotator, engine=(more.get("engine") or "") if chooses_engine else "")
        path = self._pulled(config, name, language, remote_loc)
        _check_class(reader, path)
        return reader.load(str(path))

    def pipeline(self, name: str, language: str | None, remote_loc: str | None = None) -> Any:
        """``downloadPipeline``: the pipeline of a name; like Spark NLP, it has no preference of class or engine."""
        path = self._pulled(self._config(), name, language, remote_loc)
        class_name = read_saved_model(path).class_name
        if class_name != spark.PIPELINE_CLASS:
            raise _other_class(path, class_name, "PretrainedPipeline")
        return spark.load_pipeline(str(path))

    def _pulled(self, config: Config, name: str, language: str | None, remote_loc: str | None) -> Path:
        """The folder of a model that is in the cache now, as a path that Spark NLP can load from.

        Raises:
            ModelHubError: Any of its kinds.
        """
        reference = Reference(name=name.strip(), language=language, repository=(remote_loc or "").strip("/"))
        with Hub(config, on_note=self._note, on_progress=self._tell_progress) as hub:
            pulled = hub.pull_or_find(reference)
            path = hub.loadable_path(pulled.path)
        if pulled.is_cached:
            self._note(f"{pulled.artifact.reference} from the cache: {path}")
        else:
            self._note(f"{pulled.artifact.reference}: {bytes_text(pulled.downloaded_bytes)} downloaded into {path}")
        spark.check_session()
        return path

    def _tell_progress(self, progress: Progress) -> None:
        if progress.phase == "downloading" and not progress.done_bytes:
            size = bytes_text(progress.total_bytes) or "size not known"
            self._note(f"downloading {progress.subject} ({size})")

    def _config(self, **runtime: str) -> Config:
        """The settings, with what the session that runs tells where nobody else does."""
        config = load_config(self._settings)
        told: dict[str, Any] = {
            "sparknlp": _version(),
            "spark": spark.running_version(),
            "cache": _local_folder(spark.setting(_CACHE_SETTING)),
        }
        taken = {name: value for name, value in told.items() if value and config.origins[name].startswith(_NOT_SET)}
        origins = {**config.origins, **dict.fromkeys(taken, "the session that runs")}
        chosen: dict[str, Any] = {name: value for name, value in runtime.items() if value}
        return replace(config, origins=origins, **taken, **chosen)


def _check_class(reader: Any, path: Path) -> None:
    """See that a class of Spark NLP reads what was saved; of classes of other libraries nobody knows.

    Raises:
        IncompatibleError: The JVM would fail to cast it, or wrap it wrongly without a word.
    """
    class_name = read_saved_model(path).class_name
    names = (reader.__name__.lower(), str(getattr(reader, "name", "")).lower())
    if reader.__module__.startswith("sparknlp.") and class_name.rpartition(".")[2].lower() not in names:
        raise _other_class(path, class_name, reader.__name__)


def _other_class(path: Path, class_name: str, wanted: str) -> IncompatibleError:
    saved = class_name.rpartition(".")[2]
    call = "PretrainedPipeline(…)" if class_name == spark.PIPELINE_CLASS else f"{saved}.pretrained(…)"
    return IncompatibleError(
        f"{path.name} is a {saved}, not a {wanted}.", hint=f"Load it with {call}, or with modelhub.load(…)."
    )


def _local_folder(folder: str) -> Path | None:
    """The folder of a path or ``file:`` URI as Spark writes them; ``None`` for one on a cluster's file system."""
    if not folder or urlsplit(folder).scheme not in ("", "file"):
        return None
    return Path(folder.removeprefix("file://").removeprefix("file:")).expanduser().absolute()


def _seam() -> Any:
    """The class whose functions are replaced.

    Raises:
        UsageError: Spark NLP is not installed.
    """
    try:
        from sparknlp.pretrained import ResourceDownloader
    except ImportError as exc:
        hint = f"{spark.INSTALL} brings what is missing."
        raise UsageError(f"Spark NLP cannot be imported: {exc}.", hint=hint) from exc
    return ResourceDownloader


def _version() -> str:
    import sparknlp

    return str(sparknlp.version())


if __name__ == "__main__":
    assert __spec__
    import_module(__spec__.name).main(sys.argv[1:])  # that of the module which scripts import, not of this copy of it
