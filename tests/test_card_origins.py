import pytest

from modelhub.card_origins import find_origin


@pytest.mark.parametrize(
    ("sources", "description", "origin"),
    [
        (["- https://huggingface.co/user/name"], "", "user/name"),
        (["[x](https://huggingface.co/user/na-me.v1/tree/main)."], "", "user/na-me.v1"),
        (["", "https://huggingface.co/b/second"], "see https://huggingface.co/c/third", "b/second"),
        (["https://huggingface.co/datasets/a https://huggingface.co/u/m"], "", "u/m"),
        (["https://huggingface.co/spaces/a/b https://huggingface.co/bert-base-cased"], "", ""),
        ([], "Made from https://huggingface.co/u/m, really.", "u/m"),
        ([], "https://huggingface.co/u/m and https://huggingface.co/u/n", ""),
        ([], "`4L` is a English model originally trained by `user`.", "user/4L"),
        ([], "`4L` is a English model originally trained by user.", ""),
        ([], "nothing", ""),
    ],
)
def test_the_origin_is_taken_from_the_best_source(sources, description, origin):
    assert find_origin(sources, description) == origin
