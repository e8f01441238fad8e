import pytest

from modelhub.card_origins import find_origin, find_references, find_replacement


@pytest.mark.parametrize(
    ("sources", "description", "origin"),
    [
        (["- https://huggingface.co/user/name"], "", "user/name"),
        (["[x](https://huggingface.co/user/na-me.v1/tree/main)."], "", "user/na-me.v1"),
        (["", "https://huggingface.co/b/second"], "see https://huggingface.co/c/third", "b/second"),
        (["https://huggingface.co/datasets/a https://huggingface.co/u/m"], "", "u/m"),
        (["https://huggingface.co/spaces/a/b https://huggingface.co/bert-base-cased"], "", "bert-base-cased"),
        (["[x](https://huggingface.co/bert-base-cased)"], "", "bert-base-cased"),
        (["It was https://huggingface.co/bert-base-cased."], "", "bert-base-cased"),
        (["https://huggingface.co/bert-base-cased/tree/main"], "", "bert-base-cased"),
        (["https://huggingface.co/roberta-base/blob/main/README.md."], "", "roberta-base"),
        (["https://hf.co/u/m"], "", "u/m"),
        (["https://www.huggingface.co/u/m"], "", "u/m"),
        (["https://s3.amazonaws.com/models.huggingface.co/bert/u/m"], "", ""),
        (["https://huggingface.co/datasets/imdb", "https://huggingface.co/models?task=x"], "", ""),
        (["https://huggingface.co/transformers/model_doc/bert.html"], "", ""),
        ([], "A smaller https://huggingface.co/bert-base-cased.", ""),
        ([], "A smaller https://huggingface.co/bert-base-cased/tree/main.", ""),
        ([], "Made from https://huggingface.co/u/m, really.", "u/m"),
        ([], "As https://huggingface.co/roberta-base, made from https://hf.co/u/m/tree/main.", "u/m"),
        ([], "https://huggingface.co/u/m and https://huggingface.co/u/n", ""),
        ([], "`4L` is a English model originally trained by `user`.", "user/4L"),
        ([], "`4L` is a English model originally trained by user.", ""),
        ([], "`4L` is a English model orginally trained by `user`.", "user/4L"),
        ([], "`user/4L` is a English model originally trained by `user`.", "user/4L"),
        ([], "nothing", ""),
    ],
)
def test_the_origin_is_taken_from_the_best_source(sources, description, origin):
    assert find_origin(sources, description) == origin


@pytest.mark.parametrize(
    ("sources", "origin", "references"),
    [
        (
            ["- https://example.org/a", "[data](https://example.org/b), https://example.org/a"],
            "",
            ("https://example.org/b", "https://example.org/a"),
        ),
        (["https://huggingface.co/u/m https://huggingface.co/u/n"], "u/m", ("https://huggingface.co/u/n",)),
        (["https://huggingface.co/u/m/"], "u/m", ()),
        (["https://huggingface.co/u/M/tree/main https://hf.co/u/M"], "u/M", ()),
        (["https://huggingface.co/datasets/u/m"], "u/m", ("https://huggingface.co/datasets/u/m",)),
        (["An article in a journal."], "", ()),
    ],
)
def test_references_are_what_the_sources_link_besides_the_origin(sources, origin, references):
    found = find_references(sources, origin)

    assert set(found) == set(references)
    assert len(found) == len(references)


@pytest.mark.parametrize(
    ("description", "replacement"),
    [
        ("This model was replaced by `owl_finder`.", "owl_finder"),
        ("Superseded by the better model `owl_finder:en`.", "owl_finder:en"),
        ("It is deprecated. Please use [owl_finder](https://sparknlp.org/x.html) from now on.", "owl_finder"),
        ("It is no longer trained; switch to `clinical/models/owl_finder`.", "clinical/models/owl_finder"),
        ("It is deprecated.", ""),
        ("We use `owl_embeddings`.", ""),
        ("Missing values were replaced by the mean.\n\nOutput of `owl`.", ""),
    ],
)
def test_the_replacement_is_what_the_description_names_for_it(description, replacement):
    assert find_replacement(description) == replacement
