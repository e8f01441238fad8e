from __future__ import annotations

import time

import pytest
from hub_server import HubFolder, Server

from modelhub.errors import ModelHubError, NetworkError, NotFoundError
from modelhub.network import Network
from modelhub.rates import Rates
from modelhub.storage import Storage

SIZE_BYTES = 700_000


@pytest.fixture(autouse=True)
def objects(hub_folder: HubFolder) -> None:
    hub_folder.folder.mkdir()
    (hub_folder.folder / "object").write_bytes(bytes(SIZE_BYTES))
    (hub_folder.folder / "empty").touch()


@pytest.fixture
def rates() -> Rates:
    return Rates(lambda connections: Storage(Network(connections=connections, timeout_s=1, backoff_s=0.01)))


@pytest.mark.parametrize("connections", [1, 4])
def test_an_object_is_read_until_there_are_enough_bytes(rates: Rates, server: Server, connections: int) -> None:
    rate = rates(server.uri("object"), connections, 5, 2_000_000)

    assert rate > 0
    assert 2_000_000 <= server.sent_bytes() < 4_000_000


def test_as_many_connections_are_used_as_are_asked_for(rates: Rates, server: Server) -> None:
    rates(server.uri("max-connections", 1, "object"), 1, 5, SIZE_BYTES)

    assert {request.status for request in server.requests} == {206}


def test_the_time_is_kept_and_what_came_in_it_counts(rates: Rates, server: Server) -> None:
    started_s = time.perf_counter()

    rate = rates(server.uri("paced", 500, "object"), 2, 0.5, 10**9)

    assert time.perf_counter() - started_s < 3
    assert 100_000 < rate < 2_000_000


@pytest.mark.parametrize("fault", ["no-ranges", "chunked"])
def test_a_server_that_knows_less_is_measured_too(rates: Rates, server: Server, fault: str) -> None:
    assert rates(server.uri(fault, "object"), 4, 5, 1_000_000) > 0


@pytest.mark.parametrize(
    ("path", "error"),
    [("none", NotFoundError), ("empty", NetworkError), ("no-ranges/empty", NetworkError), ("503/object", NetworkError)],
)
def test_where_nothing_comes_there_is_no_rate(
    rates: Rates, server: Server, path: str, error: type[ModelHubError]
) -> None:
    with pytest.raises(error):
        rates(server.uri(path), 2, 0.3, 10**6)


def test_an_object_that_stalls_has_the_rate_of_what_came(rates: Rates, server: Server) -> None:
    assert rates(server.uri("no-ranges", "stall-at", 100_000, "object"), 1, 0.5, 10**9) > 0
