"""From a reference to the artifacts that it may mean, and to the one that it does mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from modelhub.artifacts import Artifact, ArtifactKey, built_text
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import AmbiguousError, NotFoundError
from modelhub.locations import adopted, located
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.references import Reference
from modelhub.resolver import Resolution, Runtime, Verdict, resolve

_NEAREST = 3
_MEANT_SHOWN = 8
_LIKENESS_PERCENT = 60
_PAGE = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)-(?P<name>.+)_(?P<language>[a-z]{2,3})(?:_\d+)*")
_UNKNOWN = "modelhub search WORDS finds models; modelhub update brings newer ones."
_NO_WORD = re.compile(r"\W")


class Candidates:
    """Looks references up in the registry, whatever form they have."""

    def __init__(self, catalogue: Catalogue, config: Config) -> None:
        self._catalogue = catalogue
        self._config = config

    def of(self, reference: Reference) -> list[Artifact]:
        """All artifacts that the reference's name, key, page, NLU reference or Hugging Face name may mean.

        A zip that was named by its URI is one, whether anybody knows it or not.

        Raises:
            NotFoundError: There is none; the nearest names are named.
            NotAllowedError: The zip lies on no hub that is configured.
        """
        if reference.uri and reference.key:
            return [adopted(Artifact(key=reference.key), reference.uri, self._config)]
        found = self._known(reference)
        if not found:
            raise self.not_found(reference)
        return [located(artifact, self._config) for artifact in found]

    def knows(self, key: ArtifactKey) -> bool:
        """Whether a card, or a list of a hub in use, names a key."""
        return any(artifact.key == key for artifact in self._named(key.name))

    def resolve(self, reference: Reference, runtime: Runtime, *, is_lenient: bool = False) -> Resolution:
        """The artifact that a reference means, as far as the registry knows now.

        Args:
            reference: What was asked for.
            runtime: What to be compatible with.
            is_lenient: Whether what is not ready, or not listed, counts all the same.

        Raises:
            NotFoundError: There is none, or several (``AmbiguousError``).
            IncompatibleError: None of them suits the runtime.
            NotAllowedError: The zip lies on no hub that is configured.
        """
        if reference.key and (reference.uri or not self.knows(reference.key)):
            return self._as_written(reference, reference.key)
        found = self.of(reference)
        if is_lenient:
            found = [replace(artifact, is_ready=True, is_listed=True) for artifact in found]
        if reference.name == found[0].name:
            return resolve(reference, found, runtime)
        if reference.page and len(found) == 1:
            return resolve(Reference(name=found[0].name, key=found[0].key), found, runtime)
        return _choose_model(reference, found, runtime)

    def _as_written(self, reference: Reference, key: ArtifactKey) -> Resolution:
        """A key or URI says all that a download needs: the hub may have what no list or card names."""
        if reference.uri:
            (artifact,) = self.of(reference)
        else:
            plain = Artifact(key=key, repository=reference.repository or PUBLIC_REPOSITORY)
            artifact = located(plain, self._config)
        notes = () if self.knows(key) else (f"{key} is in no list and on no card that is known here.",)
        verdict = Verdict(artifact=artifact, is_taken=True, reason="taken as it is written")
        return Resolution(artifact=artifact, verdicts=(verdict,), notes=notes)

    def _known(self, reference: Reference) -> list[Artifact]:
        registry = self._catalogue.registry
        if reference.page:
            found = registry.with_page(reference.page) or self._called_like(reference.page)
        else:
            origin = f"{reference.repository}/{reference.name}".lstrip("/")
            found = registry.named(reference.name) or registry.with_nlu(reference.name) or registry.with_origin(origin)
        return self._catalogue.in_use(found)

    def _called_like(self, page: str) -> list[Artifact]:
        """The artifacts whose name and language a page of the web hub has; of those, the ones of its day if any are."""
        match = _PAGE.fullmatch(page)
        if match is None:
            return []
        found = self._catalogue.registry.named(match["name"])
        spoken = [artifact for artifact in found if artifact.language == match["language"]]
        return [artifact for artifact in spoken if built_text(artifact.built_ms) == match["day"]] or spoken

    def _named(self, name: str) -> Sequence[Artifact]:
        return self._catalogue.in_use(self._catalogue.registry.named(name))

    def not_found(self, reference: Reference) -> NotFoundError:
        """What to say of a reference that means nothing: with what is nearest to it."""
        if reference.page:
            nearest = self._nearest(reference.page.split("-", 3)[3])
            hint = (
                f"Did you mean {' or '.join(nearest)}? Or try modelhub update." if nearest else "Try modelhub update."
            )
            return NotFoundError(f"No model is known to have the page {reference}.", hint=hint, nearest=nearest)
        if reference.key:
            builds = [str(artifact.key) for artifact in self._named(reference.name)]
            hint = f"Known builds: {', '.join(builds[:_MEANT_SHOWN])}." if builds else _UNKNOWN
            return NotFoundError(f"No build is known as {reference.key}.", hint=hint, nearest=builds)
        nearest = self._by_user(reference) or self._nearest(reference.name)
        hint = f"Did you mean {' or '.join(nearest)}?" if nearest else _UNKNOWN
        return NotFoundError(f"No model is called {reference}.", hint=hint, nearest=nearest)

    def _by_user(self, reference: Reference) -> list[str]:
        """Models that are called after a model of Hugging Face, whose cards do not link it."""
        if not reference.repository:
            return []
        name = _NO_WORD.sub("_", reference.name).lower()
        full = f"{name}_by_{_NO_WORD.sub('_', reference.repository).lower()}"
        names = self._catalogue.registry.names()
        return [found for found in names if found.lower().endswith((f"_{full}", f"_{name}"))][:_NEAREST]

    def _nearest(self, name: str) -> list[str]:
        """References of the models whose names are most like a name that does not exist."""
        from rapidfuzz import fuzz, process  # only where a name does not exist

        registry = self._catalogue.registry
        # The hub's pages and zips are called name_language, so that is what people copy.
        stem, _, language = name.rpartition("_")
        if any(artifact.language == language for artifact in self._named(stem)):
            return [f"{stem}:{language}"]
        matches = process.extract(
            name,
            registry.names(),
            scorer=fuzz.ratio,
            processor=str.lower,
            limit=_NEAREST,
            score_cutoff=_LIKENESS_PERCENT,
        )
        return [match for match, _, _ in matches if self._named(match)]


def _choose_model(reference: Reference, found: Sequence[Artifact], runtime: Runtime) -> Resolution:
    """Choose where an NLU reference, a page or a Hugging Face name stands for several models.

    Raises:
        AmbiguousError: They have several names, also in the language, and in the repository, that come first.
        NotFoundError: No model has the language.
    """
    spoken = [artifact for artifact in found if reference.language in (None, artifact.language)] or found
    asked = [artifact for artifact in spoken if artifact.repository == reference.repository]
    inside = asked or [artifact for artifact in spoken if artifact.repository == PUBLIC_REPOSITORY] or spoken
    if len({artifact.name for artifact in inside}) == 1:
        alias = replace(reference, name=inside[0].name, page="", repository=reference.repository if asked else "")
        return resolve(alias, inside, runtime)
    meant = list(dict.fromkeys(artifact.reference for artifact in inside))
    more = f" and {len(meant) - _MEANT_SHOWN} more" if len(meant) > _MEANT_SHOWN else ""
    raise AmbiguousError(
        f"{reference} stands for {len(meant)} models: {', '.join(meant[:_MEANT_SHOWN])}{more}.",
        hint=f"Name one of them, such as {meant[0]}.",
        nearest=meant,
    )
