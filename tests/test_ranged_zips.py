from __future__ import annotations

import io
import random
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import HubFolder, Server
from model_files import files_of
from serving import wait_for

from modelhub.errors import ModelHubError, NetworkError, StoppedError
from modelhub.fetching import Sink
from modelhub.network import Network
from modelhub.ranged_zips import RangedZip
from modelhub.ranges import Missing
from modelhub.storage import Storage
from modelhub.unpack_members import read_directory, unpack_members

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
MIB = 1 << 20
FILES = {name: random.Random(name).randbytes(2 * MIB) for name in "abcd"}


def pack() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return packed.getvalue()


CONTENT = pack()


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage(Network(connections=4, timeout_s=2.0, backoff_s=0.01))
    yield storage
    storage.close()


@pytest.fixture
def path(hub_folder: HubFolder) -> Path:
    return hub_folder.add(KEY, CONTENT)


def uri_of(server: Server, *faults: str | int) -> str:
    return f"{server.uri(*faults)}/public/models/{KEY}.zip"


def test_a_stretch_comes_as_it_is(storage: Storage, server: Server, path: Path) -> None:
    zipped = RangedZip(storage.open(uri_of(server)).look())

    for start, end in ((MIB - 7, 3 * MIB + 5), (0, 100), (len(CONTENT) - 50, len(CONTENT)), (5, 5)):
        assert b"".join(zipped.stream(start, end)) == CONTENT[start:end]
    assert b"".join(zipped.stream(len(CONTENT) - MIB, len(CONTENT) + 99)) == CONTENT[-MIB:]


def test_no_more_is_brought_than_is_asked_for(storage: Storage, server: Server, path: Path) -> None:
    counts: list[int] = []
    zipped = RangedZip(storage.open(uri_of(server)).look(), counts.append)
    looked_bytes = zipped.fetched_bytes

    list(zipped.stream(2 * MIB, 3 * MIB))
    zipped.read_at(4 * MIB, 100)
    list(zipped.stream(0, 1000))  # has come along with the first look

    assert zipped.fetched_bytes == looked_bytes + MIB + 100 == counts[-1]
    wait_for(lambda: server.sent_bytes() == zipped.fetched_bytes)  # the server counts what has gone out already


def test_a_zip_on_this_machine_is_read_there(storage: Storage, path: Path) -> None:
    look = storage.open(path.as_uri()).look()
    zipped = RangedZip(look)

    assert b"".join(zipped.stream(10, 2 * MIB)) == CONTENT[10 : 2 * MIB]
    assert zipped.fetched_bytes == 0
    assert look.local
    look.local.close()


@pytest.mark.parametrize("faults", [(), ("nth", 4, "drop-at", 1000)])
def test_members_are_unpacked_from_it_several_at_once(
    storage: Storage, server: Server, path: Path, tmp_path: Path, faults: tuple[str | int, ...]
) -> None:
    zipped = RangedZip(storage.open(uri_of(server, *faults)).look())
    directory = read_directory(zipped).only(["b", "d"])
    (tmp_path / "staging").mkdir()

    unpack_members(zipped, directory, tmp_path / "staging", threads=4, on_stop=zipped.stop)

    assert files_of(tmp_path / "staging") == {name: FILES[name] for name in "bd"}
    assert zipped.fetched_bytes < directory.packed_bytes + MIB


def test_what_breaks_off_for_good_ends_all_threads(
    storage: Storage, server: Server, path: Path, tmp_path: Path
) -> None:
    zipped = RangedZip(storage.open(uri_of(server, "gone-after", MIB)).look())
    (tmp_path / "staging").mkdir()
    before = threading.active_count()

    with pytest.raises((NetworkError, StoppedError)):
        unpack_members(zipped, read_directory(zipped), tmp_path / "staging", threads=4, on_stop=zipped.stop)
    assert threading.active_count() <= before


def test_who_waits_is_let_go(storage: Storage, server: Server, path: Path) -> None:
    zipped = RangedZip(storage.open(uri_of(server, "nth", 3, "stall-at", 1000)).look())
    threading.Timer(0.1, zipped.stop).start()

    with pytest.raises(ModelHubError, match="stopped"):
        list(zipped.stream(MIB, 3 * MIB))
    with pytest.raises(ModelHubError, match="stopped"):
        list(zipped.stream(MIB, 3 * MIB))


def test_a_stop_ends_what_is_on_its_way_for_who_holds_a_stretch(path: Path, storage: Storage, server: Server) -> None:
    stops: list[Missing | None] = []

    class Watched:
        """The object, and what it was told to stop."""

        uri = uri_of(server)
        look, read_at = storage.open(uri).look, storage.open(uri).read_at

        def fetch(self, missing: Missing | None, sink: Sink) -> Callable[[], None]:
            stop = storage.open(self.uri).fetch(missing, sink)

            def stop_and_note() -> None:
                stop()
                stops.append(missing)

            return stop_and_note

    zipped = RangedZip(replace(storage.open(uri_of(server)).look(), source=Watched()))
    stretch = zipped.stream(MIB, 3 * MIB)
    next(stretch)

    zipped.stop()

    assert len(stops) == 1
    with pytest.raises(StoppedError):
        list(stretch)
