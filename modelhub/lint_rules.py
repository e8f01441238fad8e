"""The rules of lint: what each one finds, how bad that is, and how to mend it.

A new rule is one entry here, one small function in ``lint_facts`` or ``lint_code``, or in ``lint`` for what compares
cards with each other (or a finding of the parser), and its example in ``tests/test_lint.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from fnmatch import filter as matching

from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass

ERROR = "error"
WARNING = "warning"
NOTE = "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class Rule:
    """One kind of problem.

    Attributes:
        code: Its name, that of the diagnostics which it stands for.
        severity: ``error``: the card, or the code in it, does not work; ``warning``: it says something that is not so,
            or is read otherwise than meant; ``note``: it could say more.
        finds: What is wrong, in one sentence.
        fix: How to mend it, in one sentence.
    """

    code: str
    severity: str
    finds: str
    fix: str

    def to_dict(self) -> dict[str, str]:
        """The rule as it stands in JSON answers."""
        return asdict(self)


_RULES = (
    # The page
    Rule("unreadable", ERROR, "The file cannot be read.", "Check its permissions."),
    Rule("decoding-lost", ERROR, "Bytes of the page are not UTF-8.", "Save the page as UTF-8."),
    Rule(
        "decoding-repaired",
        WARNING,
        "UTF-8 was once read as Windows-1252, so that signs are garbled.",
        "Write the signs that were meant, and save the page as UTF-8.",
    ),
    Rule("fence-unclosed", ERROR, "A block of code is never closed.", "Add a closing line of ```."),
    Rule("heading-misspelt", NOTE, "A heading is nearly one of the template's.", "Write it as the template does."),
    Rule("section-empty", NOTE, "A heading has nothing below it.", "Write the section, or remove the heading."),
    Rule("link-dead", WARNING, "A link has a target that no browser can follow.", "Write a whole address, or no link."),
    Rule("ignore-unknown", WARNING, "A comment silences a rule that does not exist.", "modelhub lint --rules has all."),
    # The file
    Rule(
        "file-name-malformed",
        WARNING,
        "The name of a file in _posts does not begin with a day, so that Jekyll makes no page of it.",
        "Name it YYYY-MM-DD-name_language.md.",
    ),
    Rule("file-date-differs", WARNING, "File name and front matter name different days.", "Make both the same."),
    Rule("file-name-differs", NOTE, "The file is called otherwise than the model.", "Name the file after the model."),
    # The front matter
    Rule("front-matter-missing", ERROR, "The page has no front matter.", "Put the keys between two lines of ---."),
    Rule("front-matter-unclosed", ERROR, "The front matter has no closing line.", "Add a line of --- after the keys."),
    Rule("front-matter-yaml", ERROR, "YAML refuses the front matter.", "Put quotes around values with a colon."),
    Rule("key-duplicated", WARNING, "A key is there more than once; the last counts.", "Remove the others."),
    Rule("key-misspelt", WARNING, "A key is nearly one of the template's.", "Write it as the template does."),
    Rule("title-missing", WARNING, "The page has no title.", "Add title: … to the front matter."),
    Rule("name-missing", ERROR, "The card has no name.", "Add name: … to the front matter."),
    Rule("date-missing", WARNING, "The card has no date.", "Add date: YYYY-MM-DD to the front matter."),
    Rule("date-malformed", WARNING, "The date is no day of the calendar.", "Write date: YYYY-MM-DD."),
    Rule("layout-missing", WARNING, "The card has no layout, so Jekyll shows bare text.", "Add layout: model."),
    Rule("task-missing", WARNING, "The card names no task.", "Add task: … to the front matter."),
    Rule("language-missing", WARNING, "The card has no language.", "Add language: … to the front matter."),
    Rule("edition-missing", WARNING, "The card has no edition.", "Add edition: Spark NLP X.Y.Z."),
    Rule("spark-version-missing", WARNING, "The card has no version of Spark.", "Add spark_version: X.Y."),
    Rule("annotator-missing", NOTE, "The card does not name the class.", "Add annotator: … to the front matter."),
    Rule("tags-missing", NOTE, "The card has no tags.", "Add tags: […] to the front matter."),
    Rule("supported-missing", NOTE, "The card does not say whether it is supported.", "Add supported: true."),
    Rule(
        "article-header-unindented",
        WARNING,
        "The line below article_header is not indented, so that it is a key of its own.",
        "Indent it by two blanks.",
    ),
    Rule(
        "value-boolean",
        WARNING,
        "YAML reads a language, name or tag as true or false: no, yes, on, off.",
        'Put it in quotes: "no".',
    ),
    Rule("name-blank", ERROR, "A name in quotes begins or ends with a blank.", "Remove the blank."),
    Rule("language-malformed", WARNING, "The language is no code.", "Write its code, such as en; xx for several."),
    Rule("edition-malformed", WARNING, "The edition lacks a product or a version.", "Write edition: Spark NLP X.Y.Z."),
    Rule("task-misspelt", WARNING, "The task is nearly one of the hub's.", "Write it as the hub does."),
    Rule("annotator-misspelt", WARNING, "The class is written otherwise than in Spark NLP.", "Write it as it does."),
    Rule(
        "title-letters",
        WARNING,
        "A word mixes Latin with Cyrillic letters that look alike, so that no search finds it.",
        "Type the word anew.",
    ),
    # The link
    Rule(
        "link-missing", ERROR, "The card has no Download link.", "Add [Download](https://s3.amazonaws.com/…/KEY.zip)."
    ),
    Rule("link-malformed", ERROR, "The Download link is not the URI of a published zip.", "Write the bare URI."),
    Rule("links-differ", ERROR, "The two links of the card name different zips.", "Make both name the same."),
    Rule("key-malformed", ERROR, "The zip is not named by a key.", "Link name_language_lib_spark_millis.zip."),
    Rule("key-millis", WARNING, "The time in the key has not 13 digits.", "Publish the zip under another key."),
    Rule("repository-unknown", WARNING, "The zip lies in no repository of the hub.", "Link where it was published."),
    Rule("artifact-duplicated", ERROR, "Another card links the same zip.", "Link the card's own zip, or remove it."),
    Rule("name-differs", ERROR, "Front matter and zip have different names.", "Correct name, or link the right zip."),
    Rule(
        "language-differs",
        ERROR,
        "Front matter and zip have different languages.",
        "Correct language, or link the right zip.",
    ),
    Rule("lib-version-differs", WARNING, "Edition and zip have different versions.", "Correct edition."),
    Rule(
        "spark-version-differs",
        WARNING,
        "Front matter and zip have different versions of Spark.",
        "Correct spark_version.",
    ),
    # The table
    Rule("table-missing", WARNING, "The card has no table of Model Information.", "Add it, with licence and size."),
    Rule("table-row-unknown", NOTE, "No template has such a row.", "Remove the row, or mend its name."),
    Rule("table-row-misspelt", NOTE, "The name of a row is misspelt.", "Write it as the template does."),
    Rule("table-name-differs", WARNING, "Table and zip have different names.", "Correct the row Model Name."),
    Rule("table-language-differs", WARNING, "Table and zip have different languages.", "Correct the row Language."),
    Rule(
        "compatibility-differs",
        WARNING,
        "The row Compatibility has another version than edition and zip.",
        "Correct the row.",
    ),
    Rule("license-missing", NOTE, "The table has no licence.", "Add the row |License:|Open Source|."),
    Rule("license-unknown", WARNING, "The licence is none of the hub's.", "Write Open Source or Licensed."),
    Rule("license-differs", WARNING, "Table and tags name different licences.", "Make both the same."),
    Rule("size-missing", NOTE, "The table has no size.", "Add the row |Size:|42.9 MB|."),
    Rule("size-malformed", WARNING, "The size is none.", "Write a number and a unit: 42.9 MB."),
    # The code
    Rule("python-malformed", ERROR, "Python refuses the code.", "Run the code, and mend it."),
    Rule("python-backslash", ERROR, "A blank follows the backslash at the end of a line.", "Remove the blank."),
    Rule(
        "scala-quotes",
        ERROR,
        "A text in Scala is not between two double quotes.",
        'Write "text"; single quotes are for one sign.',
    ),
    Rule(
        "snippet-name-differs",
        ERROR,
        "The code loads another model, and never that of the card.",
        "Load the card's own model.",
    ),
    Rule("snippet-language-differs", ERROR, "The code asks for another language.", "Correct the language."),
    Rule(
        "snippet-class-differs", WARNING, "The code loads it by another class than annotator.", "Correct the wrong one."
    ),
    Rule(
        "snippet-repository-differs", ERROR, "The code asks another repository.", "Name the one that the zip lies in."
    ),
    Rule("snippet-repository-misspelt", ERROR, "The code misspells a repository.", "Mend the spelling."),
    Rule("snippet-name-blank", ERROR, "A name in the code begins or ends with a blank.", "Remove the blank."),
    Rule("nlu-malformed", WARNING, "An NLU reference is empty, or lacks one of its parts.", "Write all its parts."),
    Rule("nlu-ambiguous", NOTE, "Another model has the same NLU reference.", "Give each model one of its own."),
    # Guides
    Rule("recommendation-missing", WARNING, "The guide recommends no model.", "List links to pages of models."),
    Rule("recommendation-link", WARNING, "A link goes to another model than its text names.", "Correct the link."),
)
RULES: Mapping[str, Rule] = {rule.code: rule for rule in _RULES}


def choose_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str]:
    """The codes of the rules that count.

    Args:
        select: Rules, patterns such as ``snippet-*``, or severities; all rules where nothing is given.
        ignore: The same, for what is taken away from them.

    Raises:
        UsageError: A word names no rule.
    """
    selected = _named(select) or RULES.keys()
    return frozenset(selected - _named(ignore))


def _named(words: Iterable[str]) -> set[str]:
    named: set[str] = set()
    for word in words:
        codes = [rule.code for rule in _RULES if rule.severity == word] or matching(RULES, word)
        if not codes:
            near = get_close_matches(word, RULES, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"There is no rule {word!r}.{meant}", hint="modelhub lint --rules lists them.")
        named.update(codes)
    return named
