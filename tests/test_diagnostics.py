from modelhub.diagnostics import Findings


def test_findings_are_sorted_by_line_and_those_of_the_whole_document_come_last():
    findings = Findings("card.md")
    findings.add("link-missing", "No link.", field="Download")
    findings.add("name-missing", "No name.", line=3, field="name")
    findings.add("title-missing", "No title.", line=2)

    found = findings.sorted()

    assert [(entry.code, entry.line, entry.source) for entry in found] == [
        ("title-missing", 2, "card.md"),
        ("name-missing", 3, "card.md"),
        ("link-missing", 0, "card.md"),
    ]
