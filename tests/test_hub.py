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

    with pytest.raises(NotFoundError, match="only its facts"):
        hub.card_text(hub.show("aner_cc_300d", "ar").artifact)


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
    (open_hub().config.cache / TAGGER).mkdir(parents=True)

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
    assert [note for note in open_hub.notes if "Going on with what is known (never brought up to date)" in note]


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
    hub_folder.add(TAGGER, **line)
    hub = open_hub(hub=hub_folder.uri)

    with pytest.raises(IncompatibleError):
        hub.resolve("bert_pos_4L_weight_decay")
    assert str(hub.resolve(TAGGER).artifact.key) == TAGGER
    assert hub.show("bert_pos_4L_weight_decay").problem


# Paths in the cache


def test_the_path_of_a_cached_model_is_found_in_every_form(open_hub: OpenHubs, server: Server) -> None:
    hub = open_hub(hub=server.uri())
    folder = hub.config.cache / TAGGER
    folder.mkdir(parents=True)
    page = "https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html"
    texts = ["bert_pos_4L_weight_decay", "bert_pos_4L_weight_decay:en@4.0.0", TAGGER, page, "kktoto/4L_weight_decay"]

    assert [hub.path(text) for text in texts] == [folder] * len(texts)
    assert hub.path("bert_pos_4L_weight_decay", "en") == folder
    assert not server.requests


def test_of_several_cached_builds_the_path_is_that_for_the_runtime(open_hub: OpenHubs) -> None:
    cache = open_hub().config.cache
    for key in (KEY, NEWER_KEY):
        (cache / key).mkdir(parents=True)

    assert open_hub().path("tiny_pos") == cache / NEWER_KEY
    assert open_hub(sparknlp="4.1.0").path("tiny_pos") == cache / KEY
    with pytest.raises(IncompatibleError):
        open_hub(sparknlp="3.0.0").path("tiny_pos")


def test_the_path_of_a_model_in_a_readonly_cache_is_found(open_hub: OpenHubs, tmp_path: Path) -> None:
    (tmp_path / "shared" / KEY).mkdir(parents=True)

    assert open_hub(cache_readonly=tmp_path / "shared").path("tiny_pos") == tmp_path / "shared" / KEY


@pytest.mark.parametrize("reference", ["bert_pos_4L_weight_decay", "tiny_pos:de", "tiny_pos@4.2.0", "nothing_like_it"])
def test_what_is_not_cached_has_no_path(open_hub: OpenHubs, reference: str) -> None:
    (open_hub().config.cache / KEY).mkdir(parents=True)

    with pytest.raises(NotFoundError):
        open_hub().path(reference)


# Pulling


@pytest.mark.parametrize("fault", ["http", "file", "no-length", "chunked", "redirect", "503-then-200", "no-ranges"])
def test_a_pulled_model_is_whole(open_hub: OpenHubs, server: Server, hub_folder: HubFolder, fault: str) -> None:
    content = hub_folder.add(KEY).read_bytes()
    uris = {"http": server.uri(), "file": hub_folder.uri}
    hub = open_hub(hub=uris.get(fault, server.uri(fault)))
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
        ("downloading", KEY, 0, size),
        ("downloading", KEY, size, size),
        ("checking", KEY, 0, None),
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
    (tmp_path / "shared" / TAGGER).mkdir(parents=True)
    pulled = open_hub(hub=server.uri(), cache_readonly=tmp_path / "shared").pull("bert_pos_4L_weight_decay")

    assert (pulled.path, pulled.is_cached) == (tmp_path / "shared" / TAGGER, True)
    assert not server.requests


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


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop-at/300", NetworkError),
        ("stall-at/300", NetworkError),
        ("no-length/drop-at/300", IntegrityError),
        ("403", NotAllowedError),
        ("404", NotFoundError),
        ("400", NetworkError),
    ],
)
def test_a_download_that_fails_leaves_nothing_and_the_next_one_is_whole(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder, fault: str, error: type
) -> None:
    hub_folder.add(KEY)
    open_hub(hub=server.uri()).update()
    hub = open_hub(hub=server.uri(fault), no_update=True)

    with pytest.raises(ModelHubError) as raised:
        hub.pull("tiny_pos")
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


def test_an_update_asks_for_the_configured_repositories(
    open_hub: OpenHubs, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    hub_folder.add("secret_ner_en_4.0.0_3.0_1657118162458", repository="clinical/models")
    hub = open_hub(hub=server.uri(), repositories="public/models clinical/models")
    results = hub.update()

    assert [len(result.changes.added) for result in results] == [1, 1]
    assert hub.resolve("secret_ner").artifact.repository == "clinical/models"
    assert [result.is_news for result in hub.update(["clinical/models"])] == [False]


def test_a_dry_run_of_an_update_changes_nothing(
    open_hub: OpenHubs, hub_folder: HubFolder, make_card: Callable[..., str], tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    (tmp_path / "card.md").write_text(make_card(key=NEWER_KEY), encoding="utf-8")
    hub = open_hub(hub=hub_folder.uri, no_update=True)

    assert hub.update(is_dry_run=True)[0].changes.added == (KEY,)
    assert hub.update_cards(tmp_path / "card.md", is_dry_run=True).changes.added == (NEWER_KEY,)
    with pytest.raises(NotFoundError):
        hub.resolve("tiny_pos")


def test_a_mirror_with_a_part_of_the_models_is_all_there_is(open_hub: OpenHubs, hub_folder: HubFolder) -> None:
    hub_folder.add(TAGGER)
    hub = open_hub(hub=hub_folder.uri)
    hub.update()

    assert hub.resolve("bert_pos_4L_weight_decay").artifact.uri == f"{hub_folder.uri}/public/models/{TAGGER}.zip"
    with pytest.raises(IncompatibleError, match=r"is known, but not in the hub's metadata\.json"):
        hub.resolve("aner_cc_300d", "ar")
