"""Make the models of ``modelhub demo``: modelhub/data/demo/KEY.zip, saved and zipped by Spark NLP itself.

    python3 scripts/install_sparknlp.py && python3 scripts/save_demo_models.py

Each is a ``BertForTokenClassification`` with ONNX weights under the key of a model of cards/, and knows the few words
below: the real one's kind of labels, and nothing of its skill. The pipeline tags parts of speech from plain text.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from small_models import token_classifier, tokenizing, zip_saved
from sparknlp_parts import packages_folder, parts_folder, start_session

_TARGET = Path(__file__).parents[1] / "modelhub" / "data" / "demo"
_POS = {
    "DT": "a an the this that The A This That",
    "NN": "cat dog bird fish house tree day morning book word cheese bread",
    "NNS": "cats dogs birds houses trees days books words models",
    "NNP": "Emmy Noether Ada Lovelace Germany Pennsylvania London",
    "PRP": "I you he she it we they He She It We They",
    "VBD": "ate saw moved wrote read ran loved was were had",
    "VBZ": "eats sees moves writes reads runs loves is has",
    "VB": "eat see move write run love be have",
    "JJ": "good bad small large old young black white quick",
    "RB": "not very often never quickly",
    "IN": "in on at from of with by under over",
    "TO": "to",
    "CC": "and or but",
    ".": ". ! ?",
    ",": ",",
}
_ENTITIES = {
    "B-PER": "Emmy Ada Marie Alan Grace",
    "I-PER": "Noether Lovelace Curie Turing Hopper",
    "B-LOC": "Germany Pennsylvania London Paris Göttingen Europe",
    "B-ORG": "Reuters UNESCO IBM Oxford",
    "I-ORG": "University",
    "B-MISC": "German English French Nobel",
    "I-MISC": "Prize",
}
_SPANISH_ENTITIES = {
    "B-PER": "Lucia Lucía Miguel Frida Gabriela",
    "I-PER": "Cervantes Kahlo Mistral",
    "B-LOC": "Sevilla Madrid España Chile México",
    "B-ORG": "Cruz Banco Universidad",
    "I-ORG": "Roja",
    "B-MISC": "Quijote Nobel",
}
_MODELS: dict[str, tuple[dict[str, str], str, str]] = {
    "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458": (_POS, "NN", "pos"),
    "bert_pos_BERT_finetuned_conll2003_POS_en_4.0.0_3.0_1657288407924": (_POS, "NN", "pos"),
    "bert_large_token_classifier_conll03_en_3.2.0_2.4_1628171471927": (_ENTITIES, "O", "ner"),
    "bert_token_classifier_spanish_ner_es_3.2.0_2.4_1628186970366": (_SPANISH_ENTITIES, "O", "ner"),
}
_PIPELINE = "demo_pos_pipeline_en_4.0.0_3.0_1657118162458"


def main() -> None:
    """Save them all anew."""
    parts = parts_folder()
    sys.path.append(str(packages_folder(parts)))
    _TARGET.mkdir(exist_ok=True)
    for old in _TARGET.glob("*.zip"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        spark = start_session(parts, work / "cache", options={"spark.default.parallelism": "1"})
        for key, (words, other, output) in _MODELS.items():
            model = token_classifier(spark, work / "made" / key, _labels(words), other=other, output=output)
            _save(spark, model, work / "saved" / key)
        tagger = token_classifier(spark, work / "made" / _PIPELINE, _labels(_POS), other="NN", output="pos")
        from pyspark.ml import PipelineModel

        _save(spark, PipelineModel([*tokenizing(spark), tagger]), work / "saved" / _PIPELINE)
        spark.stop()


def _labels(words: dict[str, str]) -> dict[str, str]:
    return {word: label for label, text in words.items() for word in text.split()}


def _save(spark: Any, model: Any, folder: Path) -> None:
    model.save(str(folder))
    zip_saved(spark, folder, _TARGET / f"{folder.name}.zip")
    print(_TARGET / f"{folder.name}.zip", (_TARGET / f"{folder.name}.zip").stat().st_size)


if __name__ == "__main__":
    main()
