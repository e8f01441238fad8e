import pytest

from modelhub.card_tables import by_name, columns, read_rows


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("|Model Name:|x|", "model name", "x"),
        ("| Name      | x      |", "model name", "x"),
        ("|Edition:|Official||", "edition", "Official"),
        ("|Max sentense length:|512|", "max sentence length", "512"),
        ("|Dpendencies|glove|", "dependencies", "glove"),
        ("|Dependency:glove_100d|", "dependencies", "glove_100d"),
        ("|Spark inputs:|[a]|", "input labels", "[a]"),
        ("|Licence:|Open Source", "license", "Open Source"),
        ("|Colour:|red|", "", "red"),
        ("|Dimension:|512|1024|", "dimension", "512"),
        ("|Size:||", "size", ""),
    ],
)
def test_rows_are_read_under_one_name(line, name, value):
    (row,) = read_rows(f"\n{{:.table-model}}\n|---|:--:|\n{line}\n| | |\n")

    assert (row.name, row.value) == (name, value)


def test_rows_tell_where_they_are_and_whether_they_are_misspelt():
    first, second = read_rows("\n|Size:|1 MB|\n|Sizes:|2 MB|\n", 100)

    assert (first.position, first.is_misspelt) == (101, False)
    assert (second.position, second.is_misspelt) == (114, True)


def test_the_last_row_of_a_name_that_is_not_empty_counts():
    named = by_name(read_rows("\n|Dimension|2.4|\n|dimension|300|\n|dimension||\n|Size||\n|Odd|1|\n"))

    assert {name: row.value for name, row in named.items()} == {"dimension": "300", "size": ""}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("[document, token]", ("document", "token")),
        ("[sentence. token]", ("sentence", "token")),
        ("sentence,token", ("sentence", "token")),
        ("document_question", ("document_question",)),
        ("", ()),
    ],
)
def test_columns_are_parted(cell, expected):
    assert columns(cell) == expected
