"""From a reference to the artifacts that it may mean, and to the one that it does mean."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.artifacts import Artifact
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import AmbiguousError, NotFoundError
from modelhub.locations import located
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.references import Reference
from modelhub.resolver import Resolution, Runtime, choose, resolve

_NEAREST = 3
_MEANT_SHOWN = 8
_LIKENESS_PERCENT = 60


class Candidates:
    """Looks references up in the registry, whatever form they have."""

    def __init__(self, catalogue: Catalogue, config: Config) -> None:
        self._catalogue = catalogue
        self._config = config

    def of(self, reference: Reference) -> list[Artifact]:
        """All artifacts that the reference's name, key, page, NLU reference or Hugging Face name may mean.

        Raises:
            NotFoundError: There is none; the nearest names are named.
        """
        found = self._known(reference)
        if reference.key and all(artifact.key != reference.key for artifact in found):
            # A key says all that a download needs, whether a list or card knows it or not.
            found.append(Artifact(key=reference.key, repository=reference.repository or PUBLIC_REPOSITORY))
        if not found:
            raise self._not_found(reference)
        return [located(artifact, self._config) for artifact in found]

    def resolve(self, reference: Reference, runtime: Runtime) -> Resolution:
        """The artifact that a reference means, as far as the registry knows now.

        Raises:
            NotFoundError: There is none, or several (``AmbiguousError``).
            IncompatibleError: None of them suits the runtime.
        """
        found = self.of(reference)
        if reference.name == found[0].name:
            return resolve(reference, found, runtime)
        if reference.page and len(found) == 1:
            return resolve(Reference(name=found[0].name, key=found[0].key), found, runtime)
        if len({(artifact.repository, artifact.name, artifact.language) for artifact in found}) == 1:
            return choose(found, runtime)
        return _choose_model(reference, found, runtime)

    def _known(self, reference: Reference) -> list[Artifact]:
        registry = self._catalogue.registry
        if reference.page:
            found: Sequence[Artifact] = registry.with_page(reference.page)
        else:
            found = registry.named(reference.name) or registry.with_nlu(reference.name)
        if not found and reference.repository:
            found = registry.with_origin(f"{reference.repository}/{reference.name}")
        return self._catalogue.mark_listed(found)

    def _not_found(self, reference: Reference) -> NotFoundError:
        if reference.page:
            return NotFoundError(f"No model is known to have the page {reference}.", hint="Try modelhub update.")
        nearest = self._nearest(reference.name)
        hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "modelhub search WORDS finds models."
        return NotFoundError(f"No model is called {reference.name}.", hint=hint, nearest=nearest)

    def _nearest(self, name: str) -> list[str]:
        """References of the models whose names are most like a name that does not exist."""
        from rapidfuzz import fuzz, process  # only where a name does not exist

        registry = self._catalogue.registry
        # The hub's pages and zips are called name_language, so that is what people copy.
        stem, _, language = name.rpartition("_")
        if any(artifact.language == language for artifact in registry.named(stem)):
            return [f"{stem}:{language}"]
        matches = process.extract(
            name,
            registry.names(),
            scorer=fuzz.ratio,
            processor=str.lower,
            limit=_NEAREST,
            score_cutoff=_LIKENESS_PERCENT,
        )
        return [match for match, _, _ in matches]


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
        repository = reference.repository if asked else ""
        return resolve(
            Reference(name=inside[0].name, language=reference.language, repository=repository), inside, runtime
        )
    meant = list(dict.fromkeys(artifact.reference for artifact in inside))
    more = f" and {len(meant) - _MEANT_SHOWN} more" if len(meant) > _MEANT_SHOWN else ""
    raise AmbiguousError(
        f"{reference} stands for {len(meant)} models: {', '.join(meant[:_MEANT_SHOWN])}{more}.",
        hint=f"Name one of them, such as {meant[0]}.",
        nearest=meant,
    )
