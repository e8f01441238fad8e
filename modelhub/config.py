"""Settings: flags over environment over file over default, and where each value comes from.

This module alone reads the environment and the configuration file (what boto3, requests and rich read by themselves
apart). The file is ``config.toml`` in the platform's folder for configuration; its keys are the names of ``Config``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelhub.bounds import Bounds
from modelhub.errors import UsageError
from modelhub.public_hub import PUBLIC_HUB, PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass
from modelhub.user_folders import cache_folder, config_folder, expanded

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_MAX_COUNT = 64  # of connections: 32 gain nothing over 16, and servers refuse who opens hundreds
_MANY_DIGITS = 20
_SHOWN_SIGNS = 60
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")
# Not "5Mbps", which means bits elsewhere.
_RATE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kmgt])(i?))?(?:b(?:/s)?)?", re.IGNORECASE)
# Compiled when the doctor asks: a search need not wait for it.
_HONOURED = (
    r"(?i)(https?|all|no)_proxy|NETRC|JAVA_HOME|SPARK_(HOME|CONF_DIR)"
    r"|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|(DEFAULT_)?REGION|ENDPOINT_URL(_S3)?"
    r"|CONFIG_FILE|SHARED_CREDENTIALS_FILE|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE|CONTAINER_CREDENTIALS_\w+)"
)
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
# Where Debian, Red Hat, SUSE, macOS and Alpine keep the authorities that their administrators trust.
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of one run.

    Attributes:
        cache: Folder of the cache that Spark NLP reads (``MODELHUB_CACHE``).
        cache_readonly: More caches, looked up and never written (``MODELHUB_CACHE_READONLY``, joined as in ``PATH``).
        home: Registry and downloads in progress (``MODELHUB_HOME``).
        hub: URIs of the hubs, the first that answers is used (``MODELHUB_HUB``, separated by blanks).
        repositories: Those that ``update`` asks for (``MODELHUB_REPOSITORIES``, separated by blanks).
        offline: Whether the network is never asked (``MODELHUB_OFFLINE``).
        no_update: Whether lists that are older than a day are left as they are (``MODELHUB_NO_UPDATE``).
        sparknlp: Version of Spark NLP to be compatible with; "" for none (``MODELHUB_SPARKNLP``).
        spark: Version of Spark to be compatible with; "" for none (``MODELHUB_SPARK``).
        annotator: Class that will load the model; "" for no preference (``MODELHUB_ANNOTATOR``).
        engine: Preferred engine of the weights; "" for Spark NLP's own preference (``MODELHUB_ENGINE``).
        connections: At most so many connections at once, over all downloads (``MODELHUB_CONNECTIONS``).
        jobs: At most so many models at once in one pull (``MODELHUB_JOBS``).
        limit_rate: Bound on all downloads together, in bytes per second; 0 for none (``MODELHUB_LIMIT_RATE``).
        timeout: Seconds without a byte after which a connection counts as lost (``MODELHUB_TIMEOUT``).
        wait: Seconds to wait for another process that pulls the same model (``MODELHUB_WAIT``).
        max_unpacked: How many bytes one archive may unpack to; 0 for any amount (``MODELHUB_MAX_UNPACKED``).
        max_ratio: How many bytes may come out of one byte of an archive; 0 for any number (``MODELHUB_MAX_RATIO``).
        strict: Whether a model that may not load here is refused instead of warned of (``MODELHUB_STRICT``).
        allow_http: Whether a hub may be ``http:`` elsewhere than on loopback (``MODELHUB_ALLOW_HTTP``).
        allow_hub: Further URIs that zips may be downloaded from (``--allow-hub``, ``MODELHUB_ALLOW_HUB``).
        license: Licence of John Snow Labs that licensed repositories are read with; else the newest that is found
            (``MODELHUB_LICENSE``).
        profile: Profile of AWS that ``s3:`` hubs and licensed repositories are read with (``MODELHUB_PROFILE``).
        endpoint: Server of ``s3:`` hubs that is not AWS; else what boto3 finds (``MODELHUB_ENDPOINT``).
        ca_bundle: File of the certificate authorities that are trusted (``MODELHUB_CA_BUNDLE``; else
            ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, ``SSL_CERT_FILE``, the system's, certifi's).
        origins: For each setting the place its value comes from: ``flag``, ``environment``, the file, ``default``, ….
    """

    cache: Path
    cache_readonly: tuple[Path, ...] = ()
    home: Path
    hub: tuple[str, ...] = (PUBLIC_HUB,)
    repositories: tuple[str, ...] = (PUBLIC_REPOSITORY,)
    offline: bool = False
    no_update: bool = False
    sparknlp: str = ""
    spark: str = ""
    annotator: str = ""
    engine: str = ""
    connections: int = 16
    jobs: int = 4
    limit_rate: int = 0
    timeout: float = 30.0
    wait: float = 3600.0
    max_unpacked: int = Bounds.max_unpacked_bytes
    max_ratio: float = Bounds.max_ratio
    strict: bool = False
    allow_http: bool = False
    allow_hub: tuple[str, ...] = ()
    license: Path | None = None
    profile: str = ""
    endpoint: str = ""
    ca_bundle: Path | None = None
    origins: Mapping[str, str]


def load_config(flags: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """Gather the settings.

    Args:
        flags: Values that were given in the call or on the command line; ``None`` values count as not given.
        environ: Stands in for the environment.

    Raises:
        UsageError: A value or a name cannot be understood, or the file is not valid TOML.
    """
    environ = os.environ if environ is None else environ
    path = config_folder(environ) / "config.toml"
    in_file = _read_file(path)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    _check_names(given, "There is no setting")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, read in _READERS.items():
        variable = f"MODELHUB_{name.upper()}"
        if name in given:
            values[name], origins[name] = read(given[name], f"--{name.replace('_', '-')}"), "flag"
        elif environ.get(variable, "").strip():
            values[name], origins[name] = read(environ[variable], variable), f"environment ({variable})"
        elif name in in_file:
            values[name], origins[name] = read(in_file[name], f"{name} in {path}"), str(path)
        elif name in _COMPUTED:
            values[name], origins[name] = _COMPUTED[name](environ)
        else:
            origins[name] = "default"
    return Config(**values, origins=origins)


def is_on_loopback(host: str | None) -> bool:
    """Whether a host name means this machine."""
    return host in ("localhost", "::1") or bool(host and _LOOPBACK.fullmatch(host))


def installed_version(package: str) -> str:
    """The version of an installed package, read from the name of its metadata folder; "" where there is none.

    A look at the folders costs 1 ms where ``importlib.metadata`` costs 20 ms of imports, on every search.
    """
    prefix = f"{package.replace('-', '_')}-"
    for entry in sys.path:
        for name in _names_in(entry or "."):
            if name.startswith(prefix) and name.endswith((".dist-info", ".egg-info")):
                return name.removeprefix(prefix).rpartition(".")[0].split("-py")[0]
    return ""


@lru_cache(maxsize=32)
def _names_in(folder: str) -> tuple[str, ...]:
    try:
        return tuple(os.listdir(folder))  # noqa: PTH208 (names are all that is wanted)
    except OSError:
        return ()


def _read_file(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # only where there is a file
    else:
        import tomli as tomllib
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(
            f"{path} cannot be read: {exc}.", hint="It must be a TOML file; correct or remove it."
        ) from exc
    _check_names(content, f"{path}: unknown key")
    return content


def _check_names(names: Iterable[str], complaint: str) -> None:
    unknown = sorted(set(names) - _READERS.keys())
    if unknown:
        raise UsageError(f"{complaint} {unknown[0]!r}.", hint=f"There are {', '.join(sorted(_READERS))}.")


def _path(value: object, where: str) -> Path:
    if not isinstance(value, (str, os.PathLike)) or not str(value).strip():
        raise UsageError(f"{where}: a path is needed, not {value!r}.")
    if "://" in str(value):
        raise UsageError(f"{where}: {value} is no local folder.", hint="Mount it, or choose a folder of this machine.")
    try:
        return expanded(str(value))
    except UsageError as exc:
        raise UsageError(f"{where}: {exc.message}", hint=exc.hint) from exc


def _paths(value: object, where: str) -> tuple[Path, ...]:
    is_several = isinstance(value, str) and "://" not in value  # a URI is refused whole, not cut at its colon
    items = str(value).split(os.pathsep) if is_several else _list(value)
    return tuple(_path(item, where) for item in items if str(item))


def _words(value: object, where: str) -> tuple[str, ...]:
    # Only in a variable several stand in one text; a flag or a key of the file names a folder with blanks as it is.
    is_several = isinstance(value, str) and where.startswith("MODELHUB_")
    items = str(value).split() if is_several else _list(value)
    return tuple(str(item).rstrip("/") for item in items)


def _uris(value: object, where: str) -> tuple[str, ...]:
    """URIs as they are; a plain path becomes a ``file:`` URI."""
    words = _words(value, where)
    # Spark writes file:/folder with one slash.
    return tuple(word if "://" in word else _path(word.removeprefix("file:"), where).as_uri() for word in words)


def _hubs(value: object, where: str) -> tuple[str, ...]:
    uris = _uris(value, where)
    if not uris:
        raise UsageError(f"{where}: no hub is named.", hint="Leave the setting out for the public hub.")
    if any(_has_user(uri, where) for uri in uris):
        raise UsageError(f"{where}: a hub's URI holds no user and no password.", hint="Put them into ~/.netrc.")
    return uris


def _has_user(uri: str, where: str) -> bool:
    try:
        return "@" in urlsplit(uri).netloc
    except ValueError as exc:
        raise UsageError(f"{where}: {uri!r} is not a URI: {exc}.") from exc


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _text(value: object, where: str) -> str:
    return str(value).strip()


def _boolean(value: object, where: str) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise UsageError(f"{where}: {value!r} is neither yes nor no.", hint="Write 1 or 0.")
    return word in _TRUE


def _seconds(value: object, where: str) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{where}: {value!r} is not a number of seconds.")
    return seconds


def _timeout(value: object, where: str) -> float:
    seconds = _seconds(value, where)
    if not seconds:
        raise UsageError(f"{where}: 0 s would give every connection up at once.", hint="The default is 30.")
    return seconds


def _count(value: object, where: str) -> int:
    text = str(value).strip()
    if not (text.isdecimal() and len(text) < _MANY_DIGITS and 0 < int(text) <= _MAX_COUNT):
        shown = repr(value)[:_SHOWN_SIGNS]
        raise UsageError(f"{where}: {shown} is not a number from 1 to {_MAX_COUNT}.", hint="The defaults suit most.")
    return int(text)


def _rate(value: object, where: str) -> int:
    """Bytes per second: ``5M`` and ``5MB/s`` are 5,000,000, ``5MiB`` is 5,242,880; 0 is no bound."""
    match = _RATE.fullmatch(str(value).strip())
    if match is None:
        raise UsageError(f"{where}: {value!r} is not a rate.", hint="Write bytes per second, such as 500K, 5M or 1.5G.")
    return _bytes_of(match)


def _size(value: object, where: str) -> int:
    """Bytes, written as in a rate; 0 is no bound."""
    match = _RATE.fullmatch(str(value).strip())
    if match is None or "/" in str(value):
        raise UsageError(f"{where}: {value!r} is not a size.", hint="Write bytes, such as 500G or 1.5T.")
    return _bytes_of(match)


def _bytes_of(match: re.Match[str]) -> int:
    number, unit, is_binary = match.groups()
    size = float(number) * (1024 if is_binary else 1000) ** " kmgt".index((unit or " ").lower())
    return max(1, round(size)) if size else 0


def _ratio(value: object, where: str) -> float:
    try:
        ratio = float(str(value))
    except ValueError:
        ratio = -1.0
    if not (ratio == 0 or 1 <= ratio < float("inf")):
        raise UsageError(f"{where}: {value!r} is not a ratio.", hint="Write a number from 1 on, or 0 for no bound.")
    return ratio


def _endpoint(value: object, where: str) -> str:
    uri = _text(value, where).rstrip("/")
    if not uri.startswith(("https://", "http://")) or _has_user(uri, where):
        raise UsageError(f"{where}: that is not an endpoint.", hint="It looks like https://minio.example.org:9000.")
    return uri


def _installed(package: str) -> tuple[str, str]:
    version = installed_version(package)
    return version, f"installed package {package}" if version else "default"


def _default_cache() -> tuple[Path, str]:
    return Path.home() / "cache_pretrained", "default (Spark NLP's own)"


def _default_ca_bundle(environ: Mapping[str, str]) -> tuple[Path, str]:
    for name in _CA_VARIABLES:
        if environ.get(name):
            return Path(environ[name]), f"environment ({name})"
    for file in _CA_FILES:
        if Path(file).is_file():
            return Path(file), "default (the system's)"
    from certifi import where  # comes with requests

    return Path(where()), "default (certifi's)"


_READERS: dict[str, Callable[[object, str], Any]] = {
    "cache": _path,
    "cache_readonly": _paths,
    "home": _path,
    "hub": _hubs,
    "repositories": _words,
    "offline": _boolean,
    "no_update": _boolean,
    "sparknlp": _text,
    "spark": _text,
    "annotator": _text,
    "engine": _text,
    "connections": _count,
    "jobs": _count,
    "limit_rate": _rate,
    "timeout": _timeout,
    "wait": _seconds,
    "max_unpacked": _size,
    "max_ratio": _ratio,
    "strict": _boolean,
    "allow_http": _boolean,
    "allow_hub": _uris,
    "license": _path,
    "profile": _text,
    "endpoint": _endpoint,
    "ca_bundle": _path,
}
_COMPUTED: dict[str, Callable[[Mapping[str, str]], tuple[Any, str]]] = {
    "cache": lambda environ: _default_cache(),
    "home": lambda environ: (cache_folder(environ), "default"),
    "sparknlp": lambda environ: _installed("spark-nlp"),
    "spark": lambda environ: _installed("pyspark"),
    "ca_bundle": _default_ca_bundle,
}
SETTINGS = tuple(field.name for field in fields(Config) if field.name != "origins")


def proxy_of(uri: str) -> tuple[str, str]:
    """The proxy for a URI, "" for none, and the hosts that need none, as ``NO_PROXY`` lists them.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``; spelled in lower case they come first, as in curl and requests.
    """
    names = (f"{uri.partition(':')[0]}_proxy", "all_proxy")
    found = [os.environ.get(name) or os.environ.get(name.upper()) for name in names]
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return next((proxy for proxy in found if proxy), ""), no_proxy


def honoured_variables() -> dict[str, str]:
    """What the environment says besides our own settings, and counts; the values may hold secrets."""
    return {name: value for name, value in os.environ.items() if value and re.fullmatch(_HONOURED, name)}


def are_file_names_utf8() -> bool:
    """Whether a program that is started from here, such as Spark's JVM, takes file names for UTF-8, by the locale."""
    import locale  # only where a name has letters outside of ASCII

    if not hasattr(locale, "nl_langinfo"):
        return True
    return locale.nl_langinfo(locale.CODESET).upper().replace("-", "") == "UTF8"


def colour_wish() -> bool | None:
    """Whether the environment forbids colours (``NO_COLOR``), asks for them (``FORCE_COLOR``), or leaves it open."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def child_environment(**settings: object) -> dict[str, str]:
    """The environment of a process of ours that shall run with these settings and no others of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODELHUB_")}
    return kept | {f"MODELHUB_{name.upper()}": str(value) for name, value in settings.items()}
