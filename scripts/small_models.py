"""Small models that Spark NLP itself saves, for the demo and the tests: real ones that know a few words.

Every function needs a session (``sparknlp_parts.start_session``) and onnx.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SURE = 4.0
# What loads in every release that onnxruntime 1.19 reads.
_OPSET, _IR_VERSION = 14, 8


def token_classifier(spark: Any, folder: Path, words: Mapping[str, str], *, other: str, output: str) -> Any:
    """A ``BertForTokenClassification`` with ONNX weights: a table that says which label a word has.

    Save it before the next is made: of two that are made first, Spark NLP 5.5.3 saves one's weights twice.

    Args:
        spark: The session.
        folder: For what it is made from.
        words: A label for each word; upper and lower case matter.
        other: The label of all words that it does not know.
        output: Its output column.
    """
    from sparknlp.annotator import BertForTokenClassification

    labels = list(dict.fromkeys([other, *words.values()]))
    vocabulary = [*_SPECIAL, *words]
    assets = folder / "assets"
    assets.mkdir(parents=True)
    (assets / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (assets / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    rows = [labels.index(words.get(token, other)) for token in vocabulary]
    _write_table(folder / "model.onnx", rows, len(labels))
    return (
        BertForTokenClassification.loadSavedModel(str(folder), spark)
        .setInputCols("document", "token")
        .setOutputCol(output)
        .setCaseSensitive(True)
        .setMaxSentenceLength(128)
    )


def _write_table(path: Path, rows: Sequence[int], labels: int) -> None:
    """The graph that takes a token's row from a table of logits."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = np.zeros((len(rows), labels), dtype=np.float32)
    table[range(len(rows)), rows] = _SURE
    shape = ["batch", "sequence"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*shape, labels])
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "token_classifier",
        inputs,
        [logits],
        initializer=[numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def text_frame(spark: Any, *sentences: str) -> Any:
    """Sentences as a data frame with the column ``text``."""
    return spark.createDataFrame([[sentence] for sentence in sentences], ["text"])


def tokenizing(spark: Any) -> list[Any]:
    """The stages that make tokens of a text."""
    from sparknlp.annotator import Tokenizer
    from sparknlp.base import DocumentAssembler

    assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    tokenizer = Tokenizer().setInputCols("document").setOutputCol("token")
    return [assembler, tokenizer.fit(assembler.transform(text_frame(spark, "A word.")))]


def tag(stages: Sequence[Any], column: str, sentence: str) -> list[tuple[str, str]]:
    """The tokens of a sentence, and what the last stage makes of each, without a Spark job."""
    from pyspark.ml import PipelineModel
    from sparknlp.base import LightPipeline

    found = LightPipeline(PipelineModel(stages)).annotate(sentence)
    return list(zip(found["token"], found[column], strict=True))


def zip_saved(spark: Any, folder: Path, archive: Path) -> None:
    """Zip a saved model as those of the hub are: by Spark NLP's own ``ZipArchiveUtil``."""
    getattr(spark._jvm, "com.johnsnowlabs.util.ZipArchiveUtil").zip(str(folder), str(archive))
