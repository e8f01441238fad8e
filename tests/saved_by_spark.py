"""Models that Spark NLP saves, zips and loads in a session: one of each kind that is stored in its own way."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_server import HubFolder
from small_models import tag, text_frame, token_classifier, tokenizing, zip_saved

SENTENCE = "Emmy eats good cheese ."
TAGS = {"Emmy": "NNP", "eats": "VBZ", "good": "JJ", "cheese": "NN", ".": "."}
TAGGED = list(TAGS.items())
VECTORS = [[1.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.25], [0.0, 0.0, 0.0]]
WIDE_WORDS = 60_000


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model that was saved, and published on the hub.

    Attributes:
        name: By which it is asked for.
        key: That of the hub.
        folder: Where Spark NLP saved it.
        load: From a path to what Spark NLP loads.
        use: What it says of :data:`SENTENCE`.
        answer: What it must say.
    """

    name: str
    key: str
    folder: Path
    load: Callable[[str], Any]
    use: Callable[[Any], Any]
    answer: Any


def save_models(spark: Any, work: Path, hub: HubFolder) -> Mapping[str, SavedModel]:
    """Save one model of each kind, and publish them all; ``wide`` is one of 9 MB."""
    from pyspark.ml import PipelineModel
    from sparknlp.annotator import (
        BertForTokenClassification,
        LemmatizerModel,
        PerceptronModel,
        WordEmbeddingsModel,
    )

    work.mkdir(parents=True)
    stages = tokenizing(spark)
    perceptron = _perceptron(spark, stages[1], work)

    def tagging(model: Any) -> Any:
        return tag([*stages, model], "tag", SENTENCE)

    def embedding(model: Any) -> Any:
        return vectors_of([*stages, model], SENTENCE)

    noise = random.Random(8)
    wide = {f"{noise.getrandbits(64):x}": f"T{number % 20}" for number in range(WIDE_WORDS)}
    lemmas = [("Emmy", "Emmy"), ("eats", "eat"), ("good", "good"), ("cheese", "cheese"), (".", ".")]
    # Made one after the other: Spark NLP saves an ONNX model with another's weights if both were made before.
    kinds: dict[str, tuple[Callable[[], Any], Callable[[str], Any], Callable[[Any], Any], Any]] = {
        "perceptron": (lambda: perceptron, PerceptronModel.load, tagging, TAGGED),
        "pipeline": (lambda: PipelineModel([*stages, perceptron]), PipelineModel.load, _tag_by_pipeline, TAGGED),
        "lemmatizer": (lambda: _lemmatizer(spark, work), LemmatizerModel.load, tagging, lemmas),
        "embeddings": (lambda: _embeddings(spark, work), WordEmbeddingsModel.load, embedding, VECTORS),
        "bert": (lambda: _bert(spark, work / "bert", TAGS), BertForTokenClassification.load, tagging, TAGGED),
        "wide": (lambda: _bert(spark, work / "wide", TAGS | wide), BertForTokenClassification.load, tagging, TAGGED),
    }
    published = {}
    for number, (name, (make, load, use, answer)) in enumerate(kinds.items()):
        key = f"saved_{name}_en_5.5.3_3.0_{1_730_000_000_000 + number}"
        folder, archive = work / "saved" / name, work / f"{key}.zip"
        make().write().overwrite().save(str(folder))
        zip_saved(spark, folder, archive)
        hub.add(key, archive.read_bytes())
        published[name] = SavedModel(name=f"saved_{name}", key=key, folder=folder, load=load, use=use, answer=answer)
    return published


def vectors_of(stages: Sequence[Any], sentence: str) -> list[list[float]]:
    """The vectors that the last stage gives the tokens of a sentence.

    A session that has read a storage of one name once does not read another of that name.
    """
    from pyspark.ml import PipelineModel
    from sparknlp.base import LightPipeline

    found = LightPipeline(PipelineModel(stages), parse_embeddings=True).fullAnnotate(sentence)
    return [token.embeddings for token in found[0]["vectors"]]


def _tag_by_pipeline(model: Any) -> Any:
    return tag(model.stages, "tag", SENTENCE)


def _perceptron(spark: Any, tokenizer: Any, work: Path) -> Any:
    from sparknlp.annotator import PerceptronApproach
    from sparknlp.training import POS

    corpus = work / "tagged.txt"
    corpus.write_text("\n".join(10 * [" ".join(f"{word}|{label}" for word, label in TAGGED)]) + "\n", encoding="utf-8")
    tagged = POS().readDataset(spark, str(corpus), delimiter="|", outputPosCol="tags", outputDocumentCol="document")
    approach = PerceptronApproach().setInputCols("document", "token").setOutputCol("tag").setPosColumn("tags")
    return approach.setNIterations(3).fit(tokenizer.transform(tagged))


def _lemmatizer(spark: Any, work: Path) -> Any:
    from sparknlp.annotator import Lemmatizer

    dictionary = work / "lemmas.txt"
    dictionary.write_text("eat->eat\teats\tate\n", encoding="utf-8")
    lemmatizer = Lemmatizer().setInputCols("token").setOutputCol("tag").setDictionary(str(dictionary), "->", "\t")
    return lemmatizer.fit(text_frame(spark, SENTENCE))


def _embeddings(spark: Any, work: Path) -> Any:
    from sparknlp.annotator import WordEmbeddings

    vectors = work / "vectors.txt"
    vectors.write_text("Emmy 1.0 0.0 0.5\ncheese 0.0 1.0 0.25\n", encoding="utf-8")
    embeddings = WordEmbeddings().setInputCols("document", "token").setOutputCol("vectors").setDimension(3)
    embeddings = embeddings.setStoragePath(str(vectors), "TEXT").setStorageRef("tiny").setCaseSensitive(True)
    return embeddings.fit(text_frame(spark, SENTENCE))


def _bert(spark: Any, folder: Path, words: Mapping[str, str]) -> Any:
    return token_classifier(spark, folder, words, other="X", output="tag")
