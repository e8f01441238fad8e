"""References: what a user types to name a model.

Grammar::

    reference = [repository "/"] name [":" language] ["@" lib_version]
              | [repository "/"] key
              | URI of a zip            s3://…/key.zip, https://…/key.zip, file:///…/key.zip
              | page of the web hub     https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html
              | NLU reference           en.classify.token_bert.large_conll03  (reads as a name; the registry knows)
              | model of Hugging Face   https://huggingface.co/kktoto/4L_weight_decay, kktoto/4L_weight_decay

    repository = "public/models" | "clinical/models" | … | "@user" | "s3://bucket/prefix"

In commands ``NAME LANG`` means ``NAME:LANG``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from modelhub import hugging_face
from modelhub.artifacts import ArtifactKey, ArtifactLocation
from modelhub.errors import UsageError
from modelhub.public_hub import WEB_HUBS
from modelhub.quick_dataclasses import dataclass

_KEY_TEXT = re.compile(r".+_[^_/]*_\d+(?:\.\d+)+_\d+(?:\.\d+)*_\d{12,}(?:\.zip)?")
_NAME = re.compile(r"[^\s:/@]+")
_LANGUAGE = re.compile(r"[A-Za-z]{0,3}(?:-[A-Za-z]+)?")
_LIB_VERSION = re.compile(r"\d+(?:\.\d+)*")
_NLU_REFERENCE = re.compile(r"[a-z]{2,3}\.[^:/@]*[^:/@\s]")  # hundreds of real ones have inner blanks
_HOSTS_BEFORE_A_PATH = tuple(f"{host}/" for host in (*WEB_HUBS, *hugging_face.HOSTS))
_SCHEMES = ("s3:", "https:", "http:", "file:")
_PAGE_PATH = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/([^/]+?)(?:\.html)?/?")
_LANGUAGE_WORD = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a user asked for, parsed.

    Attributes:
        name: The model's name (or an NLU reference); empty only for a page of the web hub.
        language: ``None`` where none was said, "" where it was said to be empty (``name:``).
        lib_version: Only artifacts of this library version; empty for any.
        repository: Empty where none was said.
        key: The one artifact that is meant, if a key or a URI was given.
        page: File stem of a page of the web hub, with its date.
        uri: The URI of a zip that lies on no hub that we know by name; whether it may be read is for the hub to say.
    """

    name: str = ""
    language: str | None = None
    lib_version: str = ""
    repository: str = ""
    key: ArtifactKey | None = None
    page: str = ""
    uri: str = ""

    @classmethod
    def parse(cls, text: str, language: str | None = None) -> Reference:
        """Read a reference; ``language`` is the second word of ``NAME LANG``.

        Raises:
            UsageError: The text has none of the forms, or names two languages.
        """
        text = text.strip()
        if text.removeprefix("www.").startswith(_HOSTS_BEFORE_A_PATH):
            text = f"https://{text}"  # copied from an address bar that hides the scheme
        if "://" in text or text.startswith("file:"):
            reference = _parse_uri(text)
        elif _KEY_TEXT.fullmatch(text.rpartition("/")[2]):
            repository, _, key = text.rpartition("/")
            reference = _from_key(ArtifactKey.parse(key), repository)
        else:
            reference = _parse_name(text)
        if ".." in reference.repository.split("/"):
            raise UsageError(f"{text!r} leads out of its repository.", hint="Write REPOSITORY/NAME without '..'.")
        return reference if language is None else _with_language(reference, language.strip())

    def __str__(self) -> str:
        if self.uri:
            return self.uri.partition("?")[0]  # a query may hold a signature, which goes into no message
        if self.page:
            year, month, day, stem = self.page.split("-", 3)
            return f"https://{WEB_HUBS[0]}/{year}/{month}/{day}/{stem}.html"
        prefix = f"{self.repository}/" if self.repository else ""
        if self.key:
            return f"{prefix}{self.key}{'.zip' if prefix.startswith('s3://') else ''}"
        language = "" if self.language is None else f":{self.language}"
        lib_version = f"@{self.lib_version}" if self.lib_version else ""
        return f"{prefix}{self.name}{language}{lib_version}"


def parse_words(words: Sequence[str]) -> list[Reference]:
    """Read the words of a command: references, each optionally followed by its language.

    A word of two or three small letters after a reference is taken as its language, so that
    ``pull bert_pos_4L_weight_decay en`` and ``pull NAME_A en NAME_B de`` mean what they say.

    Raises:
        UsageError: A word is no reference, or the second language of one.
    """
    references: list[Reference] = []
    for word in words:
        if references and _LANGUAGE_WORD.fullmatch(word):
            if _has_other_language(references[-1], word):
                both = f"{references[-1]} {replace(references[-1], language=word)}"
                raise UsageError(f"{word!r} is a second language.", hint=f"For both write {both}.")
            references[-1] = _with_language(references[-1], word)
        else:
            references.append(Reference.parse(word))
    return references


def _has_other_language(reference: Reference, language: str) -> bool:
    """Whether a name has a language already; keys and pages say theirs themselves."""
    return reference.key is None and reference.language not in (None, language)


def _with_language(reference: Reference, language: str) -> Reference:
    if reference.language not in (None, language):
        raise UsageError(f"{reference} already names a language; {language!r} is a second one.")
    if not _LANGUAGE.fullmatch(language):
        raise UsageError(f"{language!r} is not a language code.", hint="Language codes look like en, de or xx.")
    return reference if reference.key or reference.page else replace(reference, language=language)


def _from_key(key: ArtifactKey, repository: str, uri: str = "") -> Reference:
    return Reference(name=key.name, language=key.language, repository=repository, key=key, uri=uri)


def _parse_name(text: str) -> Reference:
    repository, _, rest = text.rpartition("/")
    rest, at, lib_version = rest.partition("@")
    name, colon, language = rest.partition(":")
    if not (_NAME.fullmatch(name) or _NLU_REFERENCE.fullmatch(name)):
        raise UsageError(f"{text!r} is not a reference to a model.", hint="Write NAME, NAME:LANG or NAME LANG.")
    if not _LANGUAGE.fullmatch(language):
        raise UsageError(
            f"{language!r} in {text!r} is not a language code.", hint="Language codes look like en, de or xx."
        )
    if at and not _LIB_VERSION.fullmatch(lib_version):
        raise UsageError(f"{lib_version!r} in {text!r} is not a library version such as 4.0.0.")
    return Reference(
        name=name,
        language=language if colon else None,
        lib_version=lib_version,
        repository=repository.strip("/"),
    )


def _parse_uri(text: str) -> Reference:
    try:
        parts = urlsplit(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is not a URI: {exc}.") from exc
    host = (parts.hostname or "").removeprefix("www.")
    if host in WEB_HUBS:
        page = _PAGE_PATH.fullmatch(unquote(parts.path))
        if page is None:
            raise UsageError(f"{text!r} is not the page of a model.", hint="Pages end in /YYYY/MM/DD/NAME_LANG.html.")
        return Reference(page="-".join(page.groups()))
    if host in hugging_face.HOSTS:
        model = hugging_face.model_at(unquote(parts.path))
        if not model:
            raise UsageError(
                f"{text!r} is not the page of a model.", hint=f"Models are at {hugging_face.HOSTS[0]}/USER/NAME."
            )
        return _parse_name(model)
    if f"{parts.scheme}:" not in _SCHEMES:
        raise UsageError(f"{text!r} cannot be read.", hint=f"A zip's URI begins with {', '.join(_SCHEMES)}.")
    file_name = unquote(parts.path).rpartition("/")[2]
    if not file_name.endswith(".zip"):
        if parts.scheme == "s3" and file_name:
            return _parse_name(text)
        raise UsageError(f"{text!r} is neither the URI of a zip nor a page of the web hub.")
    key = ArtifactKey.parse(file_name)
    try:
        repository = ArtifactLocation.parse(text).repository
    except UsageError:
        return _from_key(key, "", text)
    return _from_key(key, repository)
