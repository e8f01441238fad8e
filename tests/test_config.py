from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub.config import (
    SETTINGS,
    Config,
    child_environment,
    colour_wish,
    installed_version,
    is_on_loopback,
    load_config,
    proxy_of,
)
from modelhub.errors import UsageError
from modelhub.public_hub import PUBLIC_HUB

XDG = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of our own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in XDG:
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


@pytest.fixture
def write_file(home: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = home / "xdg_config_home" / "modelhub" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def load(environ: dict[str, str] | None = None, **flags: Any) -> Config:
    return load_config(flags, environ={name: os.environ[name] for name in XDG} | (environ or {}))


# Precedence


def test_without_anything_every_setting_has_a_default(home: Path) -> None:
    config = load()

    assert config.cache == home / "cache_pretrained"
    assert config.home == home / "xdg_cache_home" / "modelhub"
    assert config.hub == (PUBLIC_HUB,)
    assert config.repositories == ("public/models",)
    assert (config.sparknlp, config.spark) == (installed_version("spark-nlp"), installed_version("pyspark"))
    assert (config.annotator, config.engine) == ("", "")
    assert (config.offline, config.no_update, config.allow_http) == (False, False, False)
    assert (config.timeout, config.wait) == (30.0, 3600.0)
    assert (config.cache_readonly, config.allow_hub) == ((), ())
    assert (config.connections, config.jobs, config.limit_rate) == (16, 4, 0)
    assert (config.license, config.profile, config.endpoint) == (None, "", "")


def test_every_setting_says_where_its_value_comes_from() -> None:
    origins = load().origins

    assert origins.keys() == set(SETTINGS)
    assert origins["cache"] == "default (Spark NLP's own)"
    assert origins["ca_bundle"] in ("default (the system's)", "default (certifi's)")
    found = ("cache", "ca_bundle", "sparknlp", "spark")
    assert {origins[name] for name in SETTINGS if name not in found} == {"default"}


def test_flags_beat_the_environment_which_beats_the_file(write_file: Callable[[str], Path]) -> None:
    path = write_file('engine = "in-file"\nspark = "1"\nsparknlp = "1"\n')
    environ = {"MODELHUB_SPARK": "2", "MODELHUB_SPARKNLP": "2"}

    config = load(environ, sparknlp="3")

    assert (config.engine, config.spark, config.sparknlp) == ("in-file", "2", "3")
    assert config.origins["engine"] == str(path)
    assert config.origins["spark"] == "environment (MODELHUB_SPARK)"
    assert config.origins["sparknlp"] == "flag"


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_variable_and_a_flag_of_none_count_as_not_given(blank: str, write_file: Callable[[str], Path]) -> None:
    write_file('engine = "onnx"\nhub = "https://mirror.example"\n')

    config = load({"MODELHUB_ENGINE": blank, "MODELHUB_HUB": blank}, engine=None)

    assert config.engine == "onnx"
    assert config.hub == ("https://mirror.example",)


def test_a_flag_that_is_false_is_given() -> None:
    config = load({"MODELHUB_OFFLINE": "1"}, offline=False)

    assert (config.offline, config.origins["offline"]) == (False, "flag")


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELHUB_ENGINE", "openvino")

    assert load_config().engine == "openvino"


def test_every_setting_can_be_given_in_each_place(write_file: Callable[[str], Path], home: Path) -> None:
    values = dict.fromkeys(SETTINGS, "1") | {"endpoint": "https://minio.example:9000"}

    write_file("\n".join(f'{name} = "{value}"' for name, value in values.items()))
    in_file, in_environment = load(), load({f"MODELHUB_{name.upper()}": value for name, value in values.items()})
    as_flags = load(**values)

    assert set(in_file.origins.values()) == {str(home / "xdg_config_home/modelhub/config.toml")}
    assert {origin.partition(" ")[0] for origin in in_environment.origins.values()} == {"environment"}
    assert set(as_flags.origins.values()) == {"flag"}
    for name in SETTINGS:
        assert getattr(in_file, name) == getattr(in_environment, name) == getattr(as_flags, name)


# What the values mean


@pytest.mark.parametrize("word", ["1", "true", "YES", "on", " On "])
def test_yes_in_every_spelling(word: str) -> None:
    assert load({"MODELHUB_OFFLINE": word}).offline is True


@pytest.mark.parametrize("word", ["0", "false", "No", "off"])
def test_no_in_every_spelling(word: str) -> None:
    assert load({"MODELHUB_OFFLINE": word}).offline is False


def test_a_path_is_made_absolute_and_its_tilde_is_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)

    config = load({"MODELHUB_CACHE": "~/models", "MODELHUB_HOME": "here"})

    assert config.cache == home / "models"
    assert config.home == home / "here"


def test_read_only_caches_are_joined_as_in_path(home: Path) -> None:
    config = load({"MODELHUB_CACHE_READONLY": os.pathsep.join(["/mnt/a", "", "~/b"])})

    assert config.cache_readonly == (Path("/mnt/a"), home / "b")


def test_hubs_are_separated_by_blanks_and_a_path_is_a_file_uri(home: Path) -> None:
    config = load({"MODELHUB_HUB": " https://mirror.example/hub/   ~/hub s3://bucket/x "})

    assert config.hub == ("https://mirror.example/hub", (home / "hub").as_uri(), "s3://bucket/x")


def test_only_a_variable_is_split_at_blanks(write_file: Callable[[str], Path], home: Path) -> None:
    write_file('allow_hub = "/srv/other hub"\nrepositories = "a b"\n')

    config = load({"MODELHUB_REPOSITORIES": ""}, hub=str(home / "my hub"))

    assert config.hub == ((home / "my hub").as_uri(),)
    assert config.allow_hub == ("file:///srv/other%20hub",)
    assert config.repositories == ("a b",)
    assert load({"MODELHUB_REPOSITORIES": "a b"}).repositories == ("a", "b")


def test_a_file_uri_with_one_slash_is_a_file_uri() -> None:
    assert load(hub="file:/srv/hub").hub == ("file:///srv/hub",)


def test_lists_may_be_lists(write_file: Callable[[str], Path], home: Path) -> None:
    write_file('hub = ["file:///srv/my hub"]\nrepositories = ["a/b", "c"]\ncache_readonly = ["/mnt/a:b"]\n')

    config = load(allow_hub=(Path("/srv/other hub"),))

    assert config.hub == ("file:///srv/my hub",)
    assert config.repositories == ("a/b", "c")
    assert config.cache_readonly == (Path("/mnt/a:b"),)
    assert config.allow_hub == ("file:///srv/other%20hub",)


def test_numbers_and_truths_of_the_file_are_taken_as_they_are(write_file: Callable[[str], Path]) -> None:
    write_file("timeout = 2.5\nwait = 0\noffline = true\n")

    config = load()

    assert (config.timeout, config.wait, config.offline) == (2.5, 0.0, True)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0", 0),
        ("0M", 0),
        ("1", 1),
        ("0.2", 1),
        ("800", 800),
        ("500K", 500_000),
        ("5M", 5_000_000),
        ("5m", 5_000_000),
        (" 5 MB ", 5_000_000),
        ("5MB/s", 5_000_000),
        ("5Mi", 5 << 20),
        ("5MiB", 5 << 20),
        ("5 MiB/s", 5 << 20),
        ("1.5G", 1_500_000_000),
        ("0.5GiB", 1 << 29),
        ("2.3K", 2300),
        ("1T", 10**12),
        ("700B", 700),
        ("700b/s", 700),
    ],
)
def test_a_rate_is_bytes_per_second(text: str, rate: int) -> None:
    assert load({"MODELHUB_LIMIT_RATE": text}).limit_rate == rate


def test_counts_and_rates_may_be_numbers(write_file: Callable[[str], Path]) -> None:
    write_file("connections = 8\nlimit_rate = 5000000\n")

    config = load(jobs=2)

    assert (config.connections, config.jobs, config.limit_rate) == (8, 2, 5_000_000)


def test_an_endpoint_is_taken_without_its_last_slash() -> None:
    assert load({"MODELHUB_ENDPOINT": "http://127.0.0.1:9000/"}).endpoint == "http://127.0.0.1:9000"


def test_the_first_that_names_authorities_counts(home: Path) -> None:
    environ: dict[str, str] = {"REQUESTS_CA_BUNDLE": ""}
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        environ[name] = f"/etc/{name}.pem"
        config = load(environ)

        assert config.ca_bundle == Path(f"/etc/{name}.pem")
        assert config.origins["ca_bundle"] == f"environment ({name})"

    config = load(environ | {"MODELHUB_CA_BUNDLE": "~/ca.pem"})
    assert config.ca_bundle == home / "ca.pem"
    assert config.origins["ca_bundle"] == "environment (MODELHUB_CA_BUNDLE)"
    assert load(environ, ca_bundle="/x.pem").ca_bundle == Path("/x.pem")


def test_without_a_word_the_authorities_of_the_system_count() -> None:
    config = load({"SSL_CERT_FILE": ""})

    assert config.ca_bundle is not None
    assert config.ca_bundle.is_file()


# What is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offline", "maybe"),
        ("no_update", "2"),
        ("allow_http", "y"),
        ("strict", "very"),
        ("timeout", "soon"),
        ("timeout", "-1"),
        ("timeout", "0"),
        ("wait", "inf"),
        ("wait", "nan"),
        ("cache", "~nobody-of-this-name/models"),
        ("cache_readonly", "/mnt/a:~nobody-of-this-name/b"),
        ("home", "~nobody-of-this-name"),
        ("hub", "~nobody-of-this-name/hub"),
        ("hub", "https://ada:secret@mirror.example/hub"),
        ("hub", "https://ada@mirror.example/hub"),
        ("hub", "https://[::1"),
        ("cache", "hdfs://name-node/models"),
        ("home", "s3://bucket/home"),
        ("cache_readonly", "dbfs://models"),
        ("connections", "0"),
        ("connections", "65"),
        ("connections", "-1"),
        ("connections", "many"),
        ("connections", "4.0"),
        ("connections", "9" * 5000),
        ("jobs", "0"),
        ("limit_rate", "fast"),
        ("limit_rate", "-5M"),
        ("limit_rate", "5 10"),
        ("limit_rate", "5X"),
        ("limit_rate", "5i"),
        ("limit_rate", "5Mbps"),
        ("limit_rate", "M"),
        ("limit_rate", "1e6"),
        ("limit_rate", "inf"),
        ("limit_rate", "9" * 400),
        ("license", "s3://bucket/licence.json"),
        ("ca_bundle", "https://example.org/ca.pem"),
        ("endpoint", "minio.example:9000"),
        ("endpoint", "s3://bucket"),
        ("endpoint", "https://ada:secret@minio.example"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_where_it_stands(
    name: str, value: str, write_file: Callable[[str], Path]
) -> None:
    with pytest.raises(UsageError, match=f"MODELHUB_{name.upper()}: "):
        load({f"MODELHUB_{name.upper()}": value})
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}: "):
        load(**{name: value})
    path = write_file(f'{name} = "{value}"')
    with pytest.raises(UsageError, match=f"{name} in {path}: "):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [("hub", ""), ("hub", []), ("cache", ""), ("home", " "), ("timeout", True), ("cache", 1), ("home", False)],
)
def test_a_value_that_is_empty_or_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"--{name}: "):
        load(**{name: value})


def test_an_unknown_key_is_refused_and_the_known_are_named(write_file: Callable[[str], Path]) -> None:
    path = write_file('chache = "/mnt"')

    with pytest.raises(UsageError, match="unknown key 'chache'") as caught:
        load()

    assert str(path) in caught.value.message
    assert "cache_readonly" in caught.value.hint


def test_an_unknown_flag_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(UsageError, match="There is no setting 'chache'") as caught:
        load(chache="/mnt")

    assert "cache_readonly" in caught.value.hint


def test_a_password_in_a_hub_is_not_repeated_and_has_a_place() -> None:
    with pytest.raises(UsageError, match="no user and no password") as caught:
        load(hub="https://ada:secret@mirror.example/hub")

    assert "secret" not in str(caught.value)
    assert "netrc" in caught.value.hint


@pytest.mark.parametrize("content", [b"cache = ", b"\xff\xfe", b"just words"])
def test_a_file_that_is_no_toml_is_refused(content: bytes, write_file: Callable[[str], Path]) -> None:
    path = write_file("")
    path.write_bytes(content)

    with pytest.raises(UsageError, match="cannot be read") as caught:
        load()

    assert str(path) in caught.value.message


# Installed packages


@pytest.mark.parametrize(
    ("folder", "package", "version"),
    [
        ("hats_nlp-5.5.3.dist-info", "hats-nlp", "5.5.3"),
        ("pyhats-3.5.1.dist-info", "pyhats", "3.5.1"),
        ("pyhats-3.5.1-py3.11.egg-info", "pyhats", "3.5.1"),
        ("pyhats-3.5.0+amzn.1.dist-info", "pyhats", "3.5.0+amzn.1"),
        ("hats_nlp_display-5.0.dist-info", "hats-nlp", ""),
        ("pyhats-3.5.1", "pyhats", ""),
    ],
)
def test_the_version_of_a_package_is_read_from_its_metadata_folder(
    folder: str, package: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages" / folder).mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")

    assert installed_version(package) == version


def test_the_first_folder_of_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, version in (("later", "3.4.0"), ("sooner", "3.5.1")):
        (tmp_path / place / f"pyhats-{version}.dist-info").mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / place)
    monkeypatch.syspath_prepend(tmp_path / "no-such-folder")

    assert installed_version("pyhats") == "3.5.1"


def test_the_runtime_is_that_of_the_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("spark_nlp-5.5.3.dist-info", "pyspark-3.5.1.dist-info"):
        (tmp_path / "packages" / folder).mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")

    config = load({"MODELHUB_SPARK": "3.2.0"})

    assert (config.sparknlp, config.origins["sparknlp"]) == ("5.5.3", "installed package spark-nlp")
    assert (config.spark, config.origins["spark"]) == ("3.2.0", "environment (MODELHUB_SPARK)")


# The rest of the environment


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("example.org", False),
        ("localhost.example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(host: str | None, is_loopback: bool) -> None:
    assert is_on_loopback(host) is is_loopback


def test_a_host_that_only_looks_like_an_address_is_another_machine() -> None:
    assert not is_on_loopback("127.0.0.1.example.org")


@pytest.mark.parametrize(
    ("variables", "uri", "proxy", "no_proxy"),
    [
        ({}, "https://hub.example/x", "", ""),
        ({"HTTPS_PROXY": "http://p:1"}, "https://hub.example/x", "http://p:1", ""),
        ({"https_proxy": "http://p:1"}, "https://hub.example/x", "http://p:1", ""),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "https://hub.example/x", "http://p:1", ""),
        ({"https_proxy": "", "HTTPS_PROXY": "http://q:2"}, "https://hub.example/x", "http://q:2", ""),
        ({"HTTPS_PROXY": "http://p:1"}, "http://hub.example/x", "", ""),
        ({"HTTP_PROXY": "http://p:1"}, "http://hub.example/x", "http://p:1", ""),
        ({"ALL_PROXY": "socks5://p:1"}, "https://hub.example/x", "socks5://p:1", ""),
        ({"all_proxy": "socks5://p:1", "HTTPS_PROXY": "http://q:2"}, "https://hub.example/x", "http://q:2", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a,.b"}, "https://hub.example/x", "http://p:1", "a,.b"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a", "no_proxy": "b"}, "https://a/x", "http://p:1", "b"),
    ],
)
def test_a_proxy_is_named_by_the_environment(
    variables: dict[str, str], uri: str, proxy: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert proxy_of(uri) == (proxy, no_proxy)


@pytest.mark.parametrize(
    ("variables", "wish"),
    [
        ({}, None),
        ({"FORCE_COLOR": ""}, None),
        ({"NO_COLOR": ""}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_forbidden_before_they_are_forced(
    variables: dict[str, str], wish: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert colour_wish() is wish


def test_a_child_has_only_the_settings_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELHUB_ENGINE", "onnx")

    environ = child_environment(cache=Path("/mnt/a"), offline=1)

    assert {name: value for name, value in environ.items() if name.startswith("MODELHUB_")} == {
        "MODELHUB_CACHE": "/mnt/a",
        "MODELHUB_OFFLINE": "1",
    }
    assert environ["HOME"] == os.environ["HOME"]


@pytest.mark.parametrize(("locale", "is_utf8"), [("C", False), ("C.UTF-8", True)])
def test_the_locale_tells_how_a_jvm_reads_file_names(locale: str, is_utf8: bool) -> None:
    code = "from modelhub.config import are_file_names_utf8; print(are_file_names_utf8())"
    environment = os.environ | {"LC_ALL": locale}
    finished = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == str(is_utf8)
