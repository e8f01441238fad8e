from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, make_zip

from modelhub.artifacts import ArtifactKey
from modelhub.errors import (
    ArchiveError,
    IncompatibleError,
    IntegrityError,
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    OfflineError,
    StorageError,
    UsageError,
)
from modelhub.hub import Hub
from modelhub.progress import Progress

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
NEWER_KEY = "tiny_pos_en_4.2.0_3.0_1667118162458"
TAGGER = "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458"


class OpenHubs:
    """Opens hubs for a test, hears what they say, and closes them in the end."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.moments: list[Progress] = []
        self.opened: list[Hub] = []

    def __call__(self, **settings: Any) -> Hub:
        settings = {"timeout": 0.5, **settings}
        self.opened.append(Hub(on_note=self.notes.append, on_progress=self.moments.append, **settings))
        return self.opened[-1]


@pytest.fixture
def open_hub(home: Path) -> Iterator[OpenHubs]:
    hubs = OpenHubs()
    yield hubs
    for hub in hubs.opened:
        hub.close()


def cached(hub: Hub) -> list[str]:
    """Everything that a look into the cache shows to Spark NLP."""
    root = hub.config.cache
    return sorted(path.name for path in root.iterdir() if path.name != ".modelhub") if root.is_dir() else []


def put_entry(cache: Path, key: str) -> Path:
    """An entry as Spark NLP itself leaves it: whole, and without a manifest of ours."""
    for name, content in SAVED_MODEL.items():
        path = cache / key / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return cache / key


def damage(path: Path) -> Path:
    (path / "metadata" / "part-00000").unlink()
    return path


def staged(hub: Hub) -> list[Path]:
    staging = hub.config.cache / ".modelhub" / "staging"
    return list(staging.iterdir()) if staging.is_dir() else []


# Finding


def test_a_search_finds_models_with_the_uri_of_the_configured_hub(open_hub: OpenHubs) -> None:
    hub = open_hub(hub="https://mirror.example/models")
    result = hub.search("4L weight decay", language="en")

    assert [str(model.artifact.key) for model in result.models] == [TAGGER]
    assert result.models[0].artifact.uri == f"https://mirror.example/models/public/models/{TAGGER}.zip"


def test_a_model_is_shown_with_facts_builds_and_folder(open_hub: OpenHubs) -> None:
    hub = open_hub()
    shown = hub.show("aner_cc_300d", "ar")

    assert str(shown.artifact.key) == "aner_cc_300d_ar_4.0.2_3.0_1660030385202"
    assert [version.key.lib_version for version in shown.versions] == ["4.0.2", "4.0.0", "2.7.0"]
    assert shown.facts.tasks == ("Named Entity Recognition",)
    assert (shown.path, shown.problem) == (None, "")


def test_a_model_that_does_not_suit_the_runtime_is_shown_with_the_reason(open_hub: OpenHubs) -> None:
    shown = open_hub(sparknlp="3.1.0", spark="3.0.0").show("bert_pos_4L_weight_decay")

    assert str(shown.artifact.key) == TAGGER
    assert "needs Spark NLP 4.0.0" in shown.problem


def test_the_page_of_a_packaged_card_is_known(open_hub: OpenHubs) -> None:
    hub = open_hub()

    assert "## Model Information" in hub.card_text(hub.show("bert_pos_4L_weight_decay").artifact)


def test_a_model_of_the_snapshot_has_no_page(open_hub: OpenHubs) -> None:
    hub = open_hub()

    shown = hub.show("aner_cc_300d", "ar")
    with pytest.raises(NotFoundError, match="only its facts") as raised:
        hub.card_text(shown.artifact)

    stem = shown.facts.page.split("-", 3)
    assert raised.value.hint.startswith(f"It is at https://sparknlp.org/{'/'.join(stem)}.html; ")
    assert "of the hub's repository of model cards" in raised.value.hint


def test_a_card_that_was_read_gives_its_page(open_hub: OpenHubs, make_card: Callable[..., str], tmp_path: Path) -> None:
    card = tmp_path / "2022-07-06-tiny_pos_en.md"
    card.write_text(make_card(key=KEY, title="Ours"), encoding="utf-8")
    hub = open_hub()
    hub.update_cards(card)
    card.unlink()

    assert "title: Ours" in hub.card_text(hub.show("tiny_pos").artifact)


def test_the_guides_of_the_package_are_found_by_their_beginning(open_hub: OpenHubs) -> None:
    hub = open_hub()

    assert hub.guides() == ["Token Classification"]
    assert hub.guide(" token ").task == "Token Classification"
    assert len(hub.guide("Token Classification").recommended) > 3
    with pytest.raises(NotFoundError, match="no guide to 'speech'") as raised:
        hub.guide("speech")
    assert "Token Classification" in raised.value.hint


def test_a_snippet_loads_what_is_in_the_cache(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(TAGGER)
    hub = open_hub(hub=hub_folder.uri)
    with pytest.raises(NotFoundError, match="not in the cache"):
        hub.snippet(hub.show("bert_pos_4L_weight_decay"), "python", is_loaded=True)
    path = hub.pull("bert_pos_4L_weight_decay").path
    shown = hub.show("bert_pos_4L_weight_decay")

    assert f'BertForTokenClassification.load("{path}")' in hub.snippet(shown, "python", is_loaded=True)
    assert 'BertForTokenClassification.pretrained("bert_pos_4L_weight_decay", "en")' in hub.snippet(shown, "python")
    with pytest.raises(UsageError):
        hub.snippet(shown, "cobol")


# Resolving


def test_what_is_resolved_is_first_brought_up_to_date(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=server.uri())
    artifact = hub.resolve("tiny_pos", "en").artifact

    assert str(artifact.key) == KEY
    assert artifact.uri == server.uri("public/models", f"{KEY}.zip")
    assert server.asked() == ["GET"]


def test_what_is_in_the_cache_is_resolved_without_the_network(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    put_entry(open_hub().config.cache, TAGGER)

    assert str(open_hub(hub=server.uri()).resolve("bert_pos_4L_weight_decay").artifact.key) == TAGGER
    assert not server.requests


@pytest.mark.parametrize("settings", [{"offline": True}, {"no_update": True}])
def test_the_hub_is_not_asked_where_that_is_not_wanted(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, settings: dict[str, Any]
) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=server.uri(), **settings)
    hub.resolve("bert_pos_4L_weight_decay")
    with pytest.raises(NotFoundError):
        hub.resolve("tiny_pos")

    assert not server.requests


def test_a_hub_that_cannot_be_reached_does_not_stop_resolving(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    hub = open_hub(hub=server.uri("400"))

    assert str(hub.resolve("bert_pos_4L_weight_decay").artifact.key) == TAGGER
    assert [note for note in open_hub.notes if "going on with the catalogue of the package" in note]


def test_a_build_that_the_runtime_lacks_may_be_in_a_newer_list(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    older = "bert_pos_4L_weight_decay_en_3.4.0_3.0_1647118162458"
    hub_folder.add(older)
    hub = open_hub(hub=server.uri(), sparknlp="3.4.4", spark="3.2.0")

    assert str(hub.resolve("bert_pos_4L_weight_decay").artifact.key) == older


@pytest.mark.parametrize("line", [{"is_listed": False}, {"readyToUse": False}])
def test_what_the_list_does_not_offer_is_not_taken(
    open_hub: OpenHubs, hub_folder: HubFolder, line: dict[str, Any]
) -> None:
    hub_folder.add(KEY)
    hub_folder.add(TAGGER, **line)
    hub = open_hub(hub=hub_folder.uri)

    with pytest.raises(IncompatibleError):
        hub.resolve("bert_pos_4L_weight_decay")
    assert str(hub.resolve(TAGGER).artifact.key) == TAGGER
    assert hub.show("bert_pos_4L_weight_decay").problem


# Paths in the cache


def test_the_path_of_a_cached_model_is_found_in_every_form(open_hub: OpenHubs, server: Server) -> None:
    hub = open_hub(hub=server.uri())
    folder = put_entry(hub.config.cache, TAGGER)
    page = "https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html"
    uri = server.uri("public/models", f"{TAGGER}.zip")
    texts = [
        "bert_pos_4L_weight_decay",
        "bert_pos_4L_weight_decay:en@4.0.0",
        TAGGER,
        page,
        "kktoto/4L_weight_decay",
        uri,
    ]

    assert [hub.path(text) for text in texts] == [folder] * len(texts)
    assert hub.path("bert_pos_4L_weight_decay", "en") == folder
    assert not server.requests


def test_of_several_cached_builds_the_path_is_that_for_the_runtime(open_hub: OpenHubs) -> None:
    cache = open_hub().config.cache
    for key in (KEY, NEWER_KEY):
        put_entry(cache, key)

    assert open_hub().path("tiny_pos") == cache / NEWER_KEY
    assert open_hub(sparknlp="4.1.0").path("tiny_pos") == cache / KEY
    with pytest.raises(IncompatibleError):
        open_hub(sparknlp="3.0.0").path("tiny_pos")


def test_the_path_of_a_model_in_a_readonly_cache_is_found(open_hub: OpenHubs, tmp_path: Path) -> None:
    put_entry(tmp_path / "shared", KEY)

    assert open_hub(cache_readonly=tmp_path / "shared").path("tiny_pos") == tmp_path / "shared" / KEY


@pytest.mark.parametrize("reference", ["bert_pos_4L_weight_decay", "tiny_pos:de", "tiny_pos@4.2.0", "nothing_like_it"])
def test_what_is_not_cached_has_no_path(open_hub: OpenHubs, reference: str) -> None:
    put_entry(open_hub().config.cache, KEY)

    with pytest.raises(NotFoundError, match=rf"{reference} is not in the cache") as raised:
        open_hub().path(reference)
    assert raised.value.hint == f"modelhub pull {reference} brings it."


def test_a_broken_entry_has_no_path(open_hub: OpenHubs) -> None:
    damage(put_entry(open_hub().config.cache, KEY))

    with pytest.raises(IntegrityError, match="is partial") as raised:
        open_hub().path("tiny_pos")
    assert raised.value.hint == f"modelhub verify --repair {KEY} mends it."


# Pulling


@pytest.mark.parametrize("fault", ["http", "file", "no-length", "chunked", "redirect", "503-then-200", "no-ranges"])
def test_a_pulled_model_is_whole(open_hub: OpenHubs, server: Server, hub_folder: HubFolder, fault: str) -> None:
    content = hub_folder.add(KEY).read_bytes()
    uris = {"http": server.uri(), "file": hub_folder.uri}
    hub = open_hub(hub=uris.get(fault, server.uri(fault)))
    hub.update()
    pulled = hub.pull("tiny_pos", "en")
    manifest = hub.cache.manifest(ArtifactKey.parse(KEY))

    assert pulled.path == hub.config.cache / KEY
    assert {
        str(p.relative_to(pulled.path)): p.read_bytes() for p in pulled.path.rglob("*") if p.is_file()
    } == SAVED_MODEL
    assert (pulled.downloaded_bytes, pulled.is_cached) == (len(content), False)
    assert manifest is not None
    assert manifest.sha256 == hashlib.sha256(content).hexdigest()
    assert [entry.state for entry in hub.verify(is_deep=True)] == ["good"]
    assert not staged(hub)


def test_a_pull_tells_its_phases_and_bytes(open_hub: OpenHubs, server: Server, hub_folder: HubFolder) -> None:
    size = len(hub_folder.add(KEY).read_bytes())
    open_hub(hub=server.uri()).pull("tiny_pos")
    told = [(moment.phase, moment.subject, moment.done_bytes, moment.total_bytes) for moment in open_hub.moments]

    assert told == [
        ("resolving", "tiny_pos", 0, None),
        ("opening", KEY, 0, None),
        ("downloading", KEY, 0, size),
        ("downloading", KEY, size, size),
        ("checking", KEY, 0, None),
        ("installed", KEY, 0, None),
    ]


def test_a_second_pull_asks_nobody(open_hub: OpenHubs, server: Server, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    first = open_hub(hub=server.uri()).pull("tiny_pos")
    server.requests.clear()
    second = open_hub(hub=server.uri()).pull("tiny_pos")

    assert not server.requests
    assert (second.path, second.downloaded_bytes, second.is_cached) == (first.path, 0, True)
    assert open_hub.moments[-1].phase == "cached"


def test_a_model_in_a_readonly_cache_is_not_pulled(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, tmp_path: Path
) -> None:
    put_entry(tmp_path / "shared", TAGGER)
    pulled = open_hub(hub=server.uri(), cache_readonly=tmp_path / "shared").pull("bert_pos_4L_weight_decay")

    assert (pulled.path, pulled.is_cached) == (tmp_path / "shared" / TAGGER, True)
    assert not server.requests


def test_a_partial_entry_is_exchanged_by_a_pull(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=hub_folder.uri)
    path = damage(put_entry(hub.config.cache, KEY))
    (hub.config.cache / f"{KEY}.zip").write_bytes(b"PK")  # as an interrupted unpack of Spark NLP leaves it
    pulled = hub.pull("tiny_pos")

    assert (pulled.path, pulled.is_cached) == (path, False)
    assert pulled.downloaded_bytes
    assert hub.path("tiny_pos") == path
    assert [entry.state for entry in hub.verify(is_deep=True)] == ["good"]
    assert len(open_hub.notes) == 1
    assert open_hub.notes[0].startswith(f"{path} is partial: ")
    assert open_hub.notes[0].endswith(" It is brought anew.")
    assert (cached(hub), staged(hub)) == ([KEY], [])


def test_an_altered_entry_is_left_to_who_altered_it(open_hub: OpenHubs, server: Server, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=server.uri())
    path = damage(hub.pull(KEY).path)
    server.requests.clear()

    for use in (hub.pull, hub.path):
        with pytest.raises(IntegrityError, match=rf"{path} is altered") as raised:
            use("tiny_pos")
        assert f"modelhub verify --repair {KEY}" in raised.value.hint
    assert not server.asked(".zip")
    hub.remove([KEY])
    assert hub.pull("tiny_pos").path == hub.path("tiny_pos") == path


def test_a_partial_entry_stays_where_nothing_better_can_be_had(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, make_zip()[:-30])
    path = damage(put_entry(open_hub().config.cache, KEY))

    with pytest.raises(ArchiveError):
        open_hub(hub=hub_folder.uri).pull(KEY)
    assert (path / "weights").is_file()
    with pytest.raises(OfflineError):
        open_hub(offline=True).pull(KEY)


def test_a_broken_entry_of_a_readonly_cache_is_not_exchanged(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    path = damage(put_entry(tmp_path / "shared", KEY))
    hub = open_hub(hub=server.uri(), cache_readonly=tmp_path / "shared")

    for use in (hub.pull, hub.path):
        with pytest.raises(IntegrityError, match=str(path)):
            use(KEY)
    assert not server.asked(".zip")


@pytest.mark.parametrize("first", ["404", "403", "400", "dead", "none"])
def test_where_the_first_hub_fails_the_next_one_is_asked(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, tmp_path: Path, first: str
) -> None:
    hub_folder.add(KEY)
    hubs = {"dead": "http://127.0.0.1:1", "none": (tmp_path / "none").as_uri()}
    hub = open_hub(hub=[hubs.get(first, server.uri(first)), server.uri()], no_update=True)
    pulled = hub.pull(KEY)

    assert pulled.artifact.uri == server.uri("public/models", f"{KEY}.zip")
    assert pulled.path.is_dir()


def test_where_every_hub_fails_the_first_failure_is_told(open_hub: OpenHubs, server: Server, tmp_path: Path) -> None:
    hub = open_hub(hub=[server.uri("400"), (tmp_path / "none").as_uri()], no_update=True)

    with pytest.raises(NetworkError, match="HTTP 400"):
        hub.pull(KEY)


def test_another_hub_is_not_asked_for_what_is_broken_on_the_first(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, tmp_path: Path
) -> None:
    HubFolder(tmp_path / "first").add(KEY, make_zip()[:-30])
    hub_folder.add(KEY)

    with pytest.raises(IntegrityError):
        open_hub(hub=[(tmp_path / "first").as_uri(), server.uri()], no_update=True).pull(KEY)

    assert server.asked(".zip") == []


def test_an_archive_that_is_broken_names_its_uri_and_what_to_do(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, make_zip()[:-30])
    hub = open_hub(hub=hub_folder.uri)

    with pytest.raises(ArchiveError) as raised:
        hub.pull(KEY)
    assert raised.value.message.startswith(f"{hub_folder.uri}/public/models/{KEY}.zip: ")
    assert raised.value.hint


def test_a_plan_downloads_nothing(open_hub: OpenHubs, server: Server, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=server.uri())
    plan = hub.plan_pull("tiny_pos")

    assert (plan.path, plan.downloaded_bytes, plan.is_cached) == (hub.config.cache / KEY, 0, False)
    assert not server.asked(".zip")
    assert not hub.config.cache.exists()
    hub.pull("tiny_pos")
    assert hub.plan_pull("tiny_pos").is_cached


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ArchiveError),
        (b"<html>Not found</html>", ArchiveError),
        (make_zip()[:-30], ArchiveError),
        (make_zip().replace(b"metadata/_SUCCESS", b"metadata/_success", 1), ArchiveError),
        (make_zip({"../outside": b"x"}), ArchiveError),
        (make_zip({"weights": b"no metadata"}), ArchiveError),
        (make_zip({}), ArchiveError),
    ],
)
def test_a_zip_that_is_no_whole_model_leaves_nothing(
    open_hub: OpenHubs, hub_folder: HubFolder, content: bytes, error: type
) -> None:
    hub_folder.add(KEY, content)
    hub = open_hub(hub=hub_folder.uri)

    with pytest.raises(error):
        hub.pull("tiny_pos")
    assert cached(hub) == []
    assert staged(hub) == []
    assert hub.cache.digest(ArtifactKey.parse(KEY)) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop-at/300", NetworkError),
        ("stall-at/300", NetworkError),
        ("no-length/drop-at/300", NetworkError),
        ("403", NotAllowedError),
        ("404", NotFoundError),
        ("400", NetworkError),
    ],
)
def test_a_download_that_fails_leaves_nothing_and_the_next_one_is_whole(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, fault: str, error: type
) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=server.uri(fault), no_update=True)

    with pytest.raises(ModelHubError) as raised:
        hub.pull(KEY)
    assert type(raised.value) is error
    assert cached(hub) == []
    assert staged(hub) == []
    assert open_hub(hub=server.uri()).pull("tiny_pos").path.is_dir()


def test_another_md5_than_that_of_the_list_is_an_integrity_error(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, checksum="0" * 32)
    hub = open_hub(hub=hub_folder.uri)

    with pytest.raises(IntegrityError, match="metadata.json"):
        hub.pull("tiny_pos")
    assert cached(hub) == []


@pytest.mark.parametrize("has_md5", [True, False])
def test_a_list_without_md5_or_with_small_letters_is_no_obstacle(
    open_hub: OpenHubs, hub_folder: HubFolder, has_md5: bool
) -> None:
    content = make_zip()
    hub_folder.add(KEY, content, checksum=hashlib.md5(content).hexdigest() if has_md5 else "")

    assert open_hub(hub=hub_folder.uri).pull("tiny_pos").path.is_dir()


def test_a_zip_that_was_replaced_is_noticed_even_after_the_entry_was_removed(
    open_hub: OpenHubs, hub_folder: HubFolder
) -> None:
    path = hub_folder.add(KEY, checksum="")
    hub = open_hub(hub=hub_folder.uri)
    hub.pull("tiny_pos")
    hub.remove(["tiny_pos"])
    assert cached(hub) == []
    path.write_bytes(make_zip({**SAVED_MODEL, "weights": b"others"}))

    with pytest.raises(IntegrityError, match="not the zip that was installed here before"):
        hub.pull("tiny_pos")
    assert cached(hub) == []
    shutil.rmtree(hub.config.cache / ".modelhub" / "digests")
    assert (hub.pull("tiny_pos").path / "weights").read_bytes() == b"others"


def test_a_cache_that_cannot_be_written_is_a_storage_error(
    open_hub: OpenHubs, hub_folder: HubFolder, tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    (tmp_path / "occupied").write_text("a file", encoding="utf-8")

    with pytest.raises(StorageError, match="occupied") as raised:
        open_hub(hub=hub_folder.uri, cache=tmp_path / "occupied").pull("tiny_pos")
    assert "MODELHUB_CACHE" in raised.value.hint


# What may be asked


@pytest.mark.parametrize(
    "uri",
    [
        f"https://elsewhere.example/{KEY}.zip",
        f"https://s3.amazonaws.com/others-bucket/models/{KEY}.zip",
        f"s3://others-bucket/models/{KEY}.zip",
        f"file:///tmp/{KEY}.zip",
    ],
)
def test_a_hub_that_is_not_configured_is_not_asked(open_hub: OpenHubs, uri: str) -> None:
    with pytest.raises(NotAllowedError) as raised:
        open_hub(no_update=True).pull(uri)

    assert "--allow-hub" in raised.value.hint


@pytest.mark.parametrize("is_file", [True, False])
def test_a_zip_that_is_named_by_its_uri_is_that_very_zip(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, is_file: bool
) -> None:
    hub_folder.add(KEY, repository="our/models", is_listed=False)
    base = hub_folder.uri if is_file else server.uri()
    uri = f"{base}/our/models/{KEY}.zip"
    hub = open_hub(hub=base, no_update=True)
    resolution = hub.resolve(uri)

    assert (resolution.artifact.uri, resolution.artifact.repository) == (uri, "our/models")
    assert "in no list" in resolution.notes[0]
    assert hub.pull(uri).artifact == resolution.artifact
    assert hub.path(uri) == hub.path(f"our/models/{KEY}") == hub.config.cache / KEY


def test_the_manifest_of_a_foreign_zip_names_where_it_came_from(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, repository="elsewhere", is_listed=False)
    uri = f"{hub_folder.uri}/elsewhere/{KEY}.zip"
    hub = open_hub(allow_hub=f"{hub_folder.uri}/elsewhere")
    pulled = hub.pull(uri)
    manifest = hub.cache.manifest(ArtifactKey.parse(KEY))

    assert manifest is not None
    assert manifest.s3_uri == uri == pulled.artifact.s3_uri
    assert pulled.artifact.repository == f"{hub_folder.uri}/elsewhere"


def test_a_key_that_nobody_knows_is_resolved_as_it_is_written(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, is_listed=False)
    hub = open_hub(hub=hub_folder.uri, no_update=True)
    artifact = hub.resolve(KEY).artifact

    assert artifact.uri == f"{hub_folder.uri}/public/models/{KEY}.zip"
    assert hub.pull(KEY).path.is_dir()
    assert open_hub.notes == [f"{KEY} is in no list and on no card that is known here."]


@pytest.mark.parametrize("prefix", ["", "public/models/", "s3://bucket/folder/", "https://elsewhere.example/x/"])
def test_a_key_that_nobody_knows_is_not_shown_but_the_known_builds_are(open_hub: OpenHubs, prefix: str) -> None:
    unknown = TAGGER.replace("1657118162458", "1757118162458")
    hub = open_hub(allow_hub="https://elsewhere.example/x")

    with pytest.raises(NotFoundError, match=f"No build is known as {unknown}") as raised:
        hub.show(f"{prefix}{unknown}.zip")
    assert raised.value.nearest == (TAGGER,)
    assert TAGGER in raised.value.hint


@pytest.mark.parametrize("is_file", [True, False])
def test_a_hub_that_was_allowed_is_asked(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, is_file: bool
) -> None:
    hub_folder.add(KEY, repository="elsewhere")
    base = hub_folder.uri if is_file else server.uri()
    hub = open_hub(allow_hub=f"{base}/elsewhere")

    assert hub.pull(f"{base}/elsewhere/{KEY}.zip").path == hub.config.cache / KEY
    with pytest.raises(NotAllowedError):
        hub.pull(f"{base}/elsewhere-too/{NEWER_KEY}.zip")


def test_offline_what_is_cached_is_there_and_nobody_is_asked(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    open_hub(hub=server.uri()).pull("tiny_pos")
    server.requests.clear()
    hub = open_hub(hub=server.uri(), offline=True)

    assert hub.pull("tiny_pos").is_cached
    assert not server.requests


def test_offline_what_is_not_cached_names_the_builds_that_are(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    hub_folder.add(NEWER_KEY)
    open_hub(hub=server.uri()).pull(KEY)
    open_hub(hub=server.uri()).update()
    server.requests.clear()

    with pytest.raises(OfflineError, match=rf"{NEWER_KEY} is not in the cache .* Other builds are: {KEY}\.") as raised:
        open_hub(hub=server.uri(), offline=True).pull("tiny_pos")
    assert raised.value.exit_status == 9
    assert not server.requests


def test_offline_a_hub_in_a_folder_is_read(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)

    assert open_hub(hub=hub_folder.uri, offline=True).pull(KEY).path.is_dir()


@pytest.mark.parametrize("setting", [{"timeout": 0}, {"timeout": "soon"}, {"hub": "https://[::1"}, {"sparknlp": "new"}])
def test_a_setting_that_makes_no_sense_is_a_usage_error(home: Path, setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError), Hub(**setting) as hub:
        hub.pull("bert_pos_4L_weight_decay")


# The cache


def test_entries_are_chosen_by_reference_every_build_of_them(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    for key in (KEY, NEWER_KEY, TAGGER):
        hub_folder.add(key)
    hub = open_hub(hub=hub_folder.uri)
    for key in (KEY, NEWER_KEY, TAGGER):
        hub.pull(key)

    assert [str(entry.key) for entry in hub.entries()] == [TAGGER, KEY, NEWER_KEY]
    assert [str(entry.key) for entry in hub.entries_of(["tiny_pos", "tiny_pos:en@4.0.0"])] == [KEY, NEWER_KEY]
    assert [str(entry.key) for entry in hub.remove(["tiny_pos@4.0.0"])] == [KEY]
    assert cached(hub) == [TAGGER, NEWER_KEY]


def test_removing_deletes_nothing_when_one_lies_in_a_readonly_cache(open_hub: OpenHubs, tmp_path: Path) -> None:
    hub = open_hub(cache_readonly=tmp_path / "shared")
    ours, theirs = put_entry(hub.config.cache, KEY), put_entry(tmp_path / "shared", TAGGER)

    with pytest.raises(UsageError, match="read-only cache"):
        hub.remove(["tiny_pos", "bert_pos_4L_weight_decay"])
    assert ours.is_dir()
    assert theirs.is_dir()


def test_removing_deletes_nothing_when_one_of_them_is_not_there(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=hub_folder.uri)
    hub.pull(KEY)

    with pytest.raises(NotFoundError, match="none_such"):
        hub.remove(["tiny_pos", "none_such"])
    assert cached(hub) == [KEY]
    assert hub.remove([]) == []


def test_damage_is_found(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub = open_hub(hub=hub_folder.uri)
    weights = hub.pull(KEY).path / "weights"
    weights.write_bytes(b"v" * len(SAVED_MODEL["weights"]))

    assert [entry.state for entry in hub.verify(["tiny_pos"])] == ["good"]
    (entry,) = hub.verify(["tiny_pos"], is_deep=True)
    assert (entry.state, entry.problems) == ("altered", ("weights has other content than was installed.",))


# The registry


def test_an_update_asks_for_one_repository(open_hub: OpenHubs, server: Server, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    hub_folder.add("secret_ner_en_4.0.0_3.0_1657118162458", repository="clinical/models")
    hub = open_hub(hub=server.uri())
    public, clinical = hub.update(), hub.update("clinical/models")

    assert (public.changes.added, public.source) == ((KEY,), server.uri("public/models/metadata.json"))
    assert clinical.changes.added == ("secret_ner_en_4.0.0_3.0_1657118162458",)
    assert hub.resolve("secret_ner").artifact.repository == "clinical/models"
    assert not hub.update("clinical/models").is_news


def test_a_dry_run_of_an_update_changes_nothing(
    open_hub: OpenHubs, hub_folder: HubFolder, make_card: Callable[..., str], tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    (tmp_path / "card.md").write_text(make_card(key=NEWER_KEY), encoding="utf-8")
    hub = open_hub(hub=hub_folder.uri, no_update=True)

    assert hub.update(is_dry_run=True).changes.added == (KEY,)
    assert hub.update_cards(tmp_path / "card.md", is_dry_run=True).changes.added == (NEWER_KEY,)
    with pytest.raises(NotFoundError):
        hub.resolve("tiny_pos")


def test_what_only_another_hub_lists_is_hidden(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, annotator="PerceptronModel")
    ours = open_hub(hub=hub_folder.uri)
    ours.update()
    other = open_hub(no_update=True)

    assert ours.search("tiny_pos").models[0].artifact.reference == "tiny_pos:en"
    assert ours.resolve("tiny_pos").artifact.key == ours.show("tiny_pos").artifact.key
    assert "tiny_pos:en" not in [model.artifact.reference for model in other.search("tiny_pos")]
    for ask, text in ((other.show, "tiny_pos"), (other.resolve, "tiny_pos"), (other.show, KEY)):
        with pytest.raises(NotFoundError) as raised:
            ask(text)
        assert not {"tiny_pos", KEY} & set(raised.value.nearest)
    assert "in no list" in other.resolve(KEY).notes[0]


def test_builds_that_only_another_hub_lists_are_hidden(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(TAGGER.replace("_4.0.0_", "_9.9.9_"), engine="openvino")
    with open_hub(hub=hub_folder.uri) as ours:
        ours.update()
        assert ours.search("bert_pos_4L_weight_decay").models[0].versions == 2
    other = open_hub(no_update=True)

    (found,) = other.search("bert_pos_4L_weight_decay", has_all_versions=True, has_facets=True)
    facets = other.search("bert_pos_4L_weight_decay", has_facets=True).facets or {}
    shown = other.show("bert_pos_4L_weight_decay")
    assert (str(found.artifact.key), found.versions) == (TAGGER, 1)
    assert [count.value for count in facets["engine"]] == [found.artifact.engine or "not known"]
    assert [str(version.key) for version in shown.versions] == [TAGGER]


def test_what_is_compatible_is_told_by_the_lists_of_the_hubs_in_use(
    open_hub: OpenHubs, hub_folder: HubFolder, make_card: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "card.md").write_text(make_card(key=KEY), encoding="utf-8")
    first, second = HubFolder(tmp_path / "first"), HubFolder(tmp_path / "second")
    first.add(KEY)
    second.add(KEY, readyToUse=False)
    hub_folder.add(NEWER_KEY)
    found = {}
    for hub in (first, second, hub_folder):
        open_hub(hub=hub.uri).update()
    open_hub(no_update=True).update_cards(tmp_path / "card.md")
    for name, hub in (
        ("first", first.uri),
        ("second", second.uri),
        ("neither", hub_folder.uri),
        ("new", "file:///new"),
    ):
        result = open_hub(hub=hub, sparknlp="4.0.0", no_update=True).search("tiny_pos", is_compatible=True)
        found[name] = [model.is_compatible for model in result if str(model.artifact.key) == KEY]

    assert found == {"first": [True], "second": [], "neither": [], "new": [True]}


def test_a_card_that_was_read_is_seen_with_every_hub(
    open_hub: OpenHubs, hub_folder: HubFolder, make_card: Callable[..., str], tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    open_hub(hub=hub_folder.uri).update()
    (tmp_path / "card.md").write_text(make_card(key=KEY), encoding="utf-8")
    other = open_hub(no_update=True)
    other.update_cards(tmp_path / "card.md")

    assert str(other.resolve("tiny_pos").artifact.key) == KEY
    assert other.search("tiny_pos").models[0].artifact.name == "tiny_pos"


def test_an_unknown_filter_is_refused_and_the_known_are_named(open_hub: OpenHubs) -> None:
    with pytest.raises(UsageError, match="There is no filter 'lang'") as raised:
        open_hub().search("pos", lang="en")

    assert "language" in raised.value.hint


@pytest.mark.parametrize(
    "settings", [{"sparknlp": "5.5"}, {"sparknlp": "5"}, {"spark": "3"}, {"sparknlp": "5.5.3", "spark": "3"}]
)
def test_a_runtime_is_named_exactly(home: Path, settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="is no whole version of Spark") as raised:
        Hub(**settings)

    assert raised.value.hint.startswith("Write it as exactly as ")


def test_the_runtime_is_as_exact_as_it_is_named(home: Path) -> None:
    with Hub(sparknlp="5.5.3", spark="3.5") as hub:
        assert str(hub.runtime) == "Spark NLP 5.5.3 on Spark 3.5"


def test_a_mirror_with_a_part_of_the_models_is_all_there_is(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(TAGGER)
    hub = open_hub(hub=hub_folder.uri)
    hub.update()

    assert hub.resolve("bert_pos_4L_weight_decay").artifact.uri == f"{hub_folder.uri}/public/models/{TAGGER}.zip"
    with pytest.raises(IncompatibleError, match=r"is known, but not in the hub's metadata\.json"):
        hub.resolve("aner_cc_300d", "ar")
