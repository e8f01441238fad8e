"""Print the vectors that a saved model has for the words of a sentence, as JSON; run as a process of its own.

python read_vectors.py PARTS FOLDER WORK
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "scripts")]


def main() -> None:
    """Load the model in a session that has seen no other."""
    from saved_by_spark import SENTENCE, vectors_of
    from small_models import tokenizing
    from sparknlp_parts import packages_folder, start_session

    parts, folder, work = map(Path, sys.argv[1:])
    sys.path.append(str(packages_folder(parts)))
    from sparknlp.annotator import WordEmbeddingsModel

    spark = start_session(parts, work / "cache_pretrained", options={"spark.sql.warehouse.dir": str(work)})
    model = WordEmbeddingsModel.load(str(folder))
    print(json.dumps(vectors_of([*tokenizing(spark), model], SENTENCE)))  # noqa: T201


if __name__ == "__main__":
    main()
