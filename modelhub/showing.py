"""One model in full, its page, and code that uses it."""

from __future__ import annotations

from modelhub.artifacts import Artifact
from modelhub.cache import Cache
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import IncompatibleError, NotFoundError
from modelhub.locations import located
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.results import ShownModel


class Shower:
    """Shows models.

    Args:
        config: Says which hubs there are.
        cache: Says which models are in it, and is told which of them code will load.
        catalogue: Knows their facts.
        candidates: Knows what a reference may mean.
        runtime: What a model should suit.
    """

    def __init__(
        self, config: Config, cache: Cache, catalogue: Catalogue, *, candidates: Candidates, runtime: Runtime
    ) -> None:
        self._config = config
        self._cache = cache
        self._catalogue = catalogue
        self._candidates = candidates
        self._runtime = runtime

    def show(self, reference: Reference) -> ShownModel:
        """One model in full.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
        """
        problem = ""
        try:
            resolution = self._candidates.resolve(reference, self._runtime)
        except IncompatibleError as exc:
            problem = exc.message
            resolution = self._candidates.resolve(reference, Runtime(), is_lenient=True)
        artifact = resolution.artifact
        registry = self._catalogue.registry
        if reference.key and not self._candidates.knows(reference.key):
            raise self._candidates.not_found(reference)
        versions = [
            located(other, self._config)
            for other in self._catalogue.mark_listed(registry.named(artifact.name))
            if (other.language, other.repository) == (artifact.language, artifact.repository)
        ]
        return ShownModel(
            artifact=artifact,
            facts=registry.facts(artifact),
            versions=tuple(sorted(versions, key=lambda other: other.built_ms, reverse=True)) or (artifact,),
            path=self._cache.find(artifact.key),
            problem=problem,
        )

    def card_text(self, artifact: Artifact) -> str:
        """The Markdown page of an artifact.

        Raises:
            NotFoundError: Only its facts are known.
        """
        found = self._catalogue.registry.card_source(artifact)
        text = self._catalogue.text_of(*found) if found else None
        if text is None:
            raise NotFoundError(
                f"The page of {artifact.reference} is not here, only its facts.",
                hint="modelhub update --cards PATH reads the pages of a checkout or an archive.",
            )
        return text

    def snippet(self, shown: ShownModel, flavour: str, *, is_loaded: bool) -> str:
        """Code that uses a model, written from its facts.

        Args:
            shown: The model.
            flavour: ``python``, ``scala`` or ``nlu``.
            is_loaded: Whether it loads the model from the cache instead of asking the hub; that counts as a use.

        Raises:
            NotFoundError: It is to be loaded and is not in the cache, or it has no NLU reference.
            UsageError: No such flavour.
        """
        from modelhub.snippets import SnippetSubject, write_snippet  # only where code is wanted

        artifact = shown.artifact
        if is_loaded and not shown.path:
            raise NotFoundError(
                f"{artifact.key} is not in the cache {self._cache.root}.",
                hint=f"modelhub pull {artifact.reference} brings it.",
            )
        subject = SnippetSubject(
            name=artifact.name,
            language=artifact.language,
            repository=artifact.repository,
            facts=shown.facts,
            path=str(shown.path) if is_loaded else "",
        )
        code = write_snippet(subject, flavour)
        if is_loaded:
            self._cache.note_use(artifact.key)
        return code
