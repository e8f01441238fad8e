import pytest

from modelhub.card_links import ZipLinks, find_zip_links
from modelhub.diagnostics import Findings

KEY = "bird_en_4.0.0_3.0_1657118162458"
HTTPS = f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/{KEY}.zip"
S3 = f"s3://auxdata.johnsnowlabs.com/public/models/{KEY}.zip"


def read(text: str) -> tuple[ZipLinks, list[tuple[str, int, str]]]:
    findings = Findings("x.md")
    download = find_zip_links(text, 0, findings)
    return download, [(found.code, found.line, found.field) for found in findings.sorted()]


@pytest.mark.parametrize(
    "text",
    [
        f"[Download]({HTTPS}){{:.button}}\n[Copy S3 URI]({S3})",
        f"[Copy S3 URI]({S3})<br/>[Download]({HTTPS})",
        f"[Download]({HTTPS})",
        f"[Copy S3 URI]({S3})",
        f"[the zip]({HTTPS})",
    ],
)
def test_each_form_of_links_names_the_zip(text):
    download, complaints = read(text)

    assert download.location is not None
    assert (str(download.location.key), download.location.repository) == (KEY, "public/models")
    assert download.uri == HTTPS
    assert complaints == []


def test_links_are_kept_as_they_are_found():
    download, _ = read(f"[Copy S3 URI]({S3})")

    assert (download.https_uri, download.s3_uri) == ("", S3)


@pytest.mark.parametrize("given", [f"||{HTTPS}", f" {HTTPS} ", f"<{HTTPS}>"])
def test_signs_around_a_uri_are_dropped_and_reported(given):
    download, complaints = read(f"\n[Download]({given})")

    assert download.https_uri == HTTPS
    assert complaints == [("link-malformed", 2, "Download")]


def test_different_zips_are_reported_at_the_second_link():
    download, complaints = read(f"[Download]({HTTPS})\n[Copy S3 URI]({S3.replace('bird', 'nest')})")

    assert download.location is not None
    assert download.location.key.name == "bird"
    assert complaints == [("links-differ", 2, "Copy S3 URI")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no link", ("link-missing", 0, "Download")),
        ("[Download]()", ("link-missing", 0, "Download")),
        ("[Download](https://example.org/x.zip)", ("link-malformed", 1, "Download")),
        ("[Download](https://[x.zip)", ("link-malformed", 1, "Download")),
        (f"[Download]({HTTPS.replace('_4.0.0', '')})", ("key-malformed", 1, "Download")),
    ],
)
def test_a_card_without_a_usable_link_has_no_location(text, complaint):
    download, complaints = read(text)

    assert (download.location, download.uri) == (None, "")
    assert complaints == [complaint]


def test_a_usable_link_counts_where_the_other_is_not():
    download, complaints = read(f"[Download](https://example.org/x.zip)\n[Copy S3 URI]({S3})")

    assert download.location is not None
    assert complaints == [("link-malformed", 1, "Download")]


def test_an_unusual_number_of_digits_is_reported():
    download, complaints = read(f"[Download]({HTTPS.replace('1657118162458', '16571181624580000')})")

    assert download.location is not None
    assert complaints == [("key-millis", 1, "Download")]
