from __future__ import annotations

import io
import json
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import Description
from modelhub.documents import Document, Listing, Unchanged
from modelhub.errors import NetworkError, NotFoundError, StorageError, UsageError
from modelhub.facts import Dependency, ModelFacts, Score
from modelhub.ingest import (
    PageFile,
    check_is_list,
    pages_of,
    read_cards,
    read_document,
    read_metadata,
    read_snapshot,
    whole_metadata,
    write_snapshot,
)

KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"
GUIDE = "---\nlayout: docs\ntitle: Hat Spotting\n---\n\n# Hat Spotting\n\nChoose a hat.\n"
URI = "https://hub.example/public/models/metadata.json"


def card(title: str = "Tiny tagger", key: str = KEY, name: str = "pos_tiny") -> str:
    """A card in the hub's template, with little in it."""
    link = f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/{key}.zip"
    front = f"---\nlayout: model\ntitle: {title}\nname: {name}\ndate: 2022-06-23\nlanguage: en\n---\n"
    table = "## Model Information\n\n|||\n|---|---|\n|Size:|1 MB|\n"
    return f"{front}\n## Description\n\nTags.\n\n[Download]({link})\n\n{table}"


PAGES = {
    "a.md": card("A").encode(),
    "posts/b.md": card("B", "ner_tiny_de_4.0.0_3.0_1656000000000").encode(),
    "posts/2022/guide.md": GUIDE.encode(),
}
OTHERS = {"readme.txt": b"no card", "posts/image.png": b"\x89PNG"}


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w", prefix: str = "") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


WRITERS: dict[str, Callable[[Path, Mapping[str, bytes]], Path]] = {
    "cards": write_folder,
    "cards.tar": write_tar,
    "cards.tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    "cards.tgz": lambda path, files: write_tar(path, files, "w:gz", "./"),
    "cards.tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
    "cards.tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
    "cards.zip": write_zip,
}


def page(content: bytes, name: str = "posts/a.md") -> Document:
    return read_document(PageFile(name, content))


def documents_of(path: Path, known: Mapping[str, bytes] | None = None) -> dict[str, Document | Unchanged]:
    return {document.path: document for document in read_cards(path, known)}


# Cards


@pytest.mark.parametrize("name", WRITERS)
def test_cards_are_read_from_a_folder_and_from_every_archive(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, {**PAGES, **OTHERS})

    documents = documents_of(path)

    assert documents.keys() == PAGES.keys()
    assert documents == documents_of(write_folder(tmp_path / "peer", PAGES))


def test_one_page_is_read_by_its_name(tmp_path: Path) -> None:
    write_folder(tmp_path, {"2022-06-23-pos_tiny_en.md": card().encode()})

    (document,) = read_cards(tmp_path / "2022-06-23-pos_tiny_en.md")

    assert isinstance(document, Document)
    assert document.path == "2022-06-23-pos_tiny_en.md"
    assert document.facts.page == "2022-06-23-pos_tiny_en"


def test_a_card_describes_its_artifact() -> None:
    document = page(card("Hats").encode())

    assert (str(document.key), document.repository) == (KEY, "public/models")
    assert (document.facts.title, document.facts.size_bytes) == ("Hats", 1_000_000)
    assert (document.preference, document.listing) == (1, None)
    assert zlib.decompress(document.kept) == card("Hats").encode()


def test_a_card_of_another_name_is_preferred_less() -> None:
    assert page(card(name="pos_other").encode()).preference == 0


def test_a_guide_describes_no_artifact() -> None:
    document = page(GUIDE.encode())

    assert (document.key, document.repository) == (None, "")
    assert (document.guide, zlib.decompress(document.kept)) == ("Hat Spotting", GUIDE.encode())


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"---\n", b"---\ntitle: a: b\n---\n", b"\x00" * 100])
def test_a_bad_page_stops_nothing(tmp_path: Path, content: bytes) -> None:
    write_folder(tmp_path, {**PAGES, "bad.md": content})

    bad = documents_of(tmp_path)["bad.md"]

    assert isinstance(bad, Document)
    assert bad.key is None
    assert {item.source for item in bad.diagnostics} == {"bad.md"}


def test_a_page_in_another_encoding_is_read_and_reported() -> None:
    document = page(card("Caf\u00e9").encode("latin-1"))

    assert str(document.key) == KEY
    trouble = [item for item in document.diagnostics if "UTF-8" in item.message]
    assert [(item.code, item.line) for item in trouble] == [("decoding-lost", 3)]


def test_a_guide_in_another_encoding_is_reported_too() -> None:
    found = [item.code for item in page(f"{GUIDE}\n\u00e9\n".encode("latin-1")).diagnostics]

    assert found.count("decoding-lost") == 1
    assert "encoding" not in found


def test_a_page_with_a_known_digest_is_not_parsed_again(tmp_path: Path) -> None:
    write_folder(tmp_path, PAGES)
    known = {document.path: document.digest for document in read_cards(tmp_path) if isinstance(document, Document)}
    (tmp_path / "a.md").write_text(card("Changed"), encoding="utf-8")

    documents = documents_of(tmp_path, known)

    assert isinstance(documents["a.md"], Document)
    assert [documents[name] for name in list(PAGES)[1:]] == [Unchanged(name) for name in list(PAGES)[1:]]


def test_a_folder_that_is_called_like_a_page_is_none(tmp_path: Path) -> None:
    write_folder(tmp_path, {**PAGES, "folder.md/readme.txt": b""})

    assert documents_of(tmp_path).keys() == PAGES.keys()


def test_a_folder_is_read_in_the_order_of_names_its_own_pages_first(tmp_path: Path) -> None:
    write_folder(tmp_path, {name: card().encode() for name in ("b/z.md", "c.md", "b/a/x.md", "a.md", "a/y.md")})
    (tmp_path / "loop.md").symlink_to("loop.md")
    (tmp_path / "again").symlink_to(tmp_path / "b")
    (tmp_path / "linked.md").symlink_to("a.md")

    assert list(documents_of(tmp_path)) == ["a.md", "c.md", "linked.md", "a/y.md", "b/z.md", "b/a/x.md"]


def test_a_folder_that_is_gone_meanwhile_is_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path, {name: card().encode() for name in ("0.md", "a/p.md", "b/p.md", "c/p.md")})
    pages = pages_of(tmp_path)
    first = next(pages).name
    shutil.rmtree(tmp_path / "b")

    assert [first, *(page.name for page in pages)] == ["0.md", "a/p.md", "c/p.md"]


def test_a_page_that_is_gone_meanwhile_is_told(tmp_path: Path) -> None:
    write_folder(tmp_path, {name: card().encode() for name in ("0.md", "a.md", "b.md")})
    digests = {document.path: document.digest for document in read_cards(tmp_path) if isinstance(document, Document)}
    documents = read_cards(tmp_path, {name: digests[name] for name in ("0.md", "a.md")})
    first = next(documents)
    for name in ("a.md", "b.md"):
        (tmp_path / name).unlink()
    others = list(documents)

    assert first == Unchanged("0.md")
    assert [document.path for document in others] == ["a.md", "b.md"]
    for document in others:
        assert isinstance(document, Document)
        (diagnostic,) = document.diagnostics
        assert diagnostic.code == "unreadable"
        assert "No such file" in diagnostic.message


@pytest.mark.parametrize("name", WRITERS)
def test_what_holds_no_page_is_named(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, OTHERS)

    with pytest.raises(NotFoundError, match="holds no Markdown page"):
        list(read_cards(path))


def test_names_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.md")
    folder = write_folder(tmp_path / "cards", {**PAGES, name: card("Odd").encode()})
    archive = write_tar(tmp_path / "cards.tar", {**PAGES, name: card("Odd").encode()})

    assert documents_of(folder).keys() == documents_of(archive).keys() == {*PAGES, "\\udcff.md"}


def test_a_zip_with_a_name_that_is_no_text_is_an_error_of_storage(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cards.zip", {"\u00e9.md": card().encode()})
    path.write_bytes(path.read_bytes().replace("\u00e9.md".encode(), b"\xff\xff.md"))

    with pytest.raises(StorageError, match="not a whole zip archive"):
        list(read_cards(path))


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        list(read_cards(tmp_path / "missing.tar.xz"))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, OTHERS)

    with pytest.raises(UsageError, match="neither a Markdown page nor an archive"):
        list(read_cards(tmp_path / "readme.txt"))


@pytest.mark.parametrize("name", [name for name in WRITERS if "." in name])
def test_an_archive_that_is_cut_off_is_an_error_of_storage(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, {**PAGES, "z.md": bytes(range(256)) * 300})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    with pytest.raises(StorageError, match=str(path)):
        list(read_cards(path))


@pytest.mark.parametrize("name", [name for name in WRITERS if "." in name])
def test_what_only_has_the_name_of_an_archive_is_an_error_of_storage(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>not an archive</html>" * 100)

    with pytest.raises(StorageError, match=str(tmp_path / name)):
        list(read_cards(tmp_path / name))


def test_a_zip_whose_content_is_damaged_is_an_error_of_storage(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cards.zip", {"a.md": card().encode() * 20})
    content = bytearray(path.read_bytes())
    content[40:60] = b"\xff" * 20
    path.write_bytes(content)

    with pytest.raises(StorageError, match="not a whole zip archive"):
        list(read_cards(path))


def test_a_zip_with_a_password_is_an_error_of_storage(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cards.zip", {"a.md": card().encode()})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag for an encrypted member, in its header and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(StorageError, match=str(path)):
        list(read_cards(path))


# metadata.json


def line(name: str = "pos_tiny", **fields: Any) -> str:
    entry = {
        "name": name,
        "language": "en",
        "libVersion": {"parts": [4, 0, 0]},
        "sparkVersion": {"parts": [3, 0]},
        "readyToUse": True,
        "time": "2022-06-23T16:00:00.000Z",
        "isZipped": True,
        "category": "ml",
        "checksum": "",
    } | fields
    return json.dumps({name: value for name, value in entry.items() if value is not ...})


def lines_of(*lines: str, known: Mapping[str, bytes] | None = None) -> list[Document | Unchanged]:
    return list(read_metadata("\n".join(lines), "public/models", source=URI, known=known))


def listed(*lines: str) -> list[Document]:
    return [document for document in lines_of(*lines) if isinstance(document, Document) and document.key]


def test_a_line_describes_an_artifact() -> None:
    (document,) = listed(line(annotator="PerceptronModel", engine="onnx", checksum="AB12"))

    assert document.path == str(document.key) == KEY
    assert document.repository == "public/models"
    assert document.facts == ModelFacts(annotator="PerceptronModel", engine="onnx", type="model")
    assert document.listing == Listing(is_ready=True, checksum="AB12", position=1)


def test_engines_are_known_by_one_spelling() -> None:
    (document,) = listed(line(engine="ONNX"))

    assert document.facts.engine == "onnx"


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"language": ...}, "pos_tiny__4.0.0_3.0_1656000000000"),
        ({"language": None}, "pos_tiny__4.0.0_3.0_1656000000000"),
        ({"libVersion": {"parts": [3, 5, 4, 2]}}, "pos_tiny_en_3.5.4.2_3.0_1656000000000"),
        ({"sparkVersion": {"parts": [3]}}, "pos_tiny_en_4.0.0_3_1656000000000"),
        ({"time": "2021-11-14T17:52:37.778Z"}, "pos_tiny_en_4.0.0_3.0_1636912357778"),
    ],
)
def test_the_key_is_made_as_spark_nlp_makes_it(fields: dict[str, Any], key: str) -> None:
    assert [document.path for document in listed(line(**fields))] == [key]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"readyToUse": False}, Listing(is_ready=False, position=1)),
        ({"readyToUse": ...}, Listing(is_ready=False, position=1)),
        ({"checksum": None}, Listing(position=1)),
    ],
)
def test_what_a_line_leaves_out_is_not_ready_and_not_checked(fields: dict[str, Any], expected: Listing) -> None:
    assert [document.listing for document in listed(line(**fields))] == [expected]


@pytest.mark.parametrize(
    ("category", "kind"), [("ml", "model"), ("pl", "pipeline"), ("nd", ""), (None, ""), (..., ""), ([], "")]
)
def test_the_category_tells_models_from_pipelines(category: object, kind: str) -> None:
    assert [document.facts.type for document in listed(line(category=category))] == [kind]


def test_blank_lines_and_carriage_returns_are_skipped() -> None:
    documents = lines_of("", line() + "\r", "\r", "   ", line("other"), "")

    assert [document.path.partition("_en")[0] for document in documents] == ["pos_tiny", "other"]


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "[]",
        "5",
        '"text"',
        "null",
        "[" * 100_000,
        line(name=None),
        line(name=""),
        line(name=5),
        line(name=...),
        line(name="../../evil"),
        line(name="a\nb"),
        line(name="a\ud800"),
        line(language="en_US"),
        line(language="../x"),
        line(libVersion=...),
        line(libVersion=None),
        line(libVersion={}),
        line(libVersion={"parts": []}),
        line(libVersion={"parts": None}),
        line(libVersion={"parts": ["x"]}),
        line(libVersion={"parts": [-1]}),
        line(libVersion={"parts": [float("inf")]}),
        line(sparkVersion=...),
        line(sparkVersion="3.0"),
        line(time=...),
        line(time=None),
        line(time="yesterday"),
        line(time="2022-06-23T16:00:00"),
        line(time="1960-01-01T00:00:00.000Z"),
        line(time=1656000000000),
    ],
)
def test_a_bad_line_is_reported_and_the_others_are_kept(bad: str) -> None:
    documents = lines_of(line("before"), bad, line("after"))

    before, trouble, after = documents
    assert isinstance(trouble, Document)
    (diagnostic,) = trouble.diagnostics
    assert (before.path, after.path) == (KEY.replace("pos_tiny", "before"), KEY.replace("pos_tiny", "after"))
    assert trouble.key is None
    assert (diagnostic.source, diagnostic.line, diagnostic.code) == (URI, 2, "metadata-line")
    assert "It is left out" in diagnostic.message
    assert len(diagnostic.message) < 400


@pytest.mark.parametrize("missing", ["name", "libVersion", "sparkVersion", "time"])
def test_what_a_line_lacks_is_named(missing: str) -> None:
    for absent in (..., None):
        (trouble,) = lines_of(line(**{missing: absent}))
        assert isinstance(trouble, Document)
        assert f"has no '{missing}'" in trouble.diagnostics[0].message


def test_of_equal_keys_the_first_line_counts() -> None:
    (document,) = listed(line(engine="onnx"), line(engine="openvino"))

    assert document.facts.engine == "onnx"


@pytest.mark.parametrize("is_known", [False, True])
def test_of_equal_keys_the_first_line_that_is_ready_counts(is_known: bool) -> None:
    lines = [line(readyToUse=False), line(checksum="AB"), line(checksum="CD"), line(readyToUse=False)]
    known = {document.path: document.digest for document in listed(*lines)} if is_known else {}

    last = lines_of(*lines, known=known)[-1]

    assert isinstance(last, Document)
    assert last.listing == Listing(is_ready=True, checksum="AB", position=2)


def test_a_byte_order_mark_costs_no_line() -> None:
    assert [document.path for document in listed("\ufeff" + line())] == [KEY]


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", "It is empty."),
        ("\ufeff\n \n", "It is empty."),
        ('{"error": "AccessDenied"}', "Line 1 has no 'name'"),
        ("\n<html>\n{}", "Line 2 is not understood"),
    ],
)
def test_an_answer_without_any_artifact_is_no_list(text: str, trouble: str) -> None:
    with pytest.raises(NetworkError, match="something else than a list of artifacts") as caught:
        check_is_list(text, source=URI)

    assert trouble in caught.value.message
    assert caught.value.uri == URI


def test_one_artifact_makes_a_list() -> None:
    check_is_list(f"not json\n{line()}\n", source=URI)


def test_the_position_is_that_among_the_lines_of_a_name() -> None:
    documents = listed(line("a"), line("b"), line("a", language="de"), line("b", language="de"))

    assert [document.listing and document.listing.position for document in documents] == [1, 1, 2, 2]


def test_a_line_put_in_front_changes_no_other() -> None:
    known = {document.path: document.digest for document in listed(line("a"), line("b"))}

    documents = lines_of(line("new"), line("a"), line("b"), known=known)

    assert [type(document) for document in documents] == [Document, Unchanged, Unchanged]


@pytest.mark.parametrize("changed", [line("a", checksum="AB"), line("a", readyToUse=False)])
def test_a_line_that_changed_is_read_again(changed: str) -> None:
    known = {document.path: document.digest for document in listed(line("a"), line("b"))}

    documents = lines_of(changed, line("b"), known=known)

    assert [type(document) for document in documents] == [Document, Unchanged]


def test_the_whole_list_is_kept_as_it_came() -> None:
    text = f"{line()}\n\nnot json\n"

    document = whole_metadata(text)

    assert (document.path, document.key) == ("metadata.json", None)
    assert zlib.decompress(document.kept) == text.encode()


@given(st.lists(st.text(max_size=30) | st.just(line()) | st.just('{"name": "x"}'), max_size=6))
def test_any_text_is_read_without_an_error(lines: list[str]) -> None:
    for document in lines_of(*lines):
        if isinstance(document, Document) and document.key:
            assert ArtifactKey.parse(document.path) == document.key


# The snapshot


def described(key: str = KEY, **facts: Any) -> Document:
    description = Description.of(ArtifactKey.parse(key), ModelFacts(**facts))
    return Document(path=key, digest=b"", description=description, repository="public/models")


def test_a_snapshot_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    labels = tuple(f"LABEL_{number}" for number in range(30))
    documents = [
        described(labels=labels, label_count=30, title="Caf\u00e9", best_score=Score(metric="f1", value=0.93)),
        described("b_de_4.0.0_3.0_1", labels=labels, label_count=30, dependencies=(Dependency("E", "e", "en"),)),
        described("c__4.0.0_2.4_16000000000001600000000000", labels=("A",), nlu=("en.c",), supported=False),
        described("d_en_4.0.0_3.0_1"),
    ]
    (tmp_path / "snapshot").write_bytes(write_snapshot(documents))

    assert list(read_snapshot(tmp_path / "snapshot")) == documents


def test_a_snapshot_leaves_out_what_describes_no_artifact(tmp_path: Path) -> None:
    guide = Document(path="guide.md", digest=b"", guide="Hats")
    (tmp_path / "snapshot").write_bytes(write_snapshot([guide, described()]))

    assert list(read_snapshot(tmp_path / "snapshot")) == [described()]


def test_a_snapshot_stores_equal_lists_of_labels_once() -> None:
    documents = [described(f"m{number}_en_4.0.0_3.0_1", labels=("HAT", "CAP")) for number in range(9)]

    text = lzma.decompress(write_snapshot(documents)).decode()

    assert text.count("HAT") == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xz",
        lzma.compress(b""),
        lzma.compress(b"not json"),
        lzma.compress(b"{}"),
        lzma.compress(b"[]"),
        lzma.compress(b'{"schema":99,"labels":[]}'),
        lzma.compress(b'{"schema":1,"labels":[]}\n{"key":"m"}'),
        lzma.compress(b'{"schema":1,"labels":[]}\n{"key":"m","repository":"r"}'),
        lzma.compress(b'{"schema":1,"labels":[]}\n{"key":"m_en_4.0.0_3.0_1","repository":"r","labels":0}'),
        lzma.compress(b'{"schema":1,"labels":[]}')[:-9],
    ],
)
def test_a_damaged_snapshot_means_a_broken_installation(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "snapshot").write_bytes(content)

    with pytest.raises(StorageError, match="is damaged") as caught:
        list(read_snapshot(tmp_path / "snapshot"))

    assert "Install modelhub again" in caught.value.hint


def test_a_missing_snapshot_means_a_broken_installation(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is damaged"):
        list(read_snapshot(tmp_path / "snapshot"))
