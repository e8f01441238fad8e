"""One model in full, its page, and code that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.aliases import Aliases
from modelhub.artifacts import Artifact
from modelhub.cache import Cache
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import IncompatibleError, NotFoundError
from modelhub.facts import ModelFacts
from modelhub.load_checks import LoadChecker
from modelhub.locations import located
from modelhub.public_hub import page_url
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.results import ShownModel

if TYPE_CHECKING:
    from modelhub.comparing import Comparison


class Shower:
    """Shows models.

    Args:
        config: Says which hubs there are.
        cache: Says which models are in it, and is told which of them code will load.
        catalogue: Knows their facts.
        candidates: Knows what a reference may mean.
        runtime: What a model should suit.
        checker: Judges whether it will load here.
        aliases: Gives paths that Spark NLP can load from.
    """

    def __init__(
        self,
        config: Config,
        cache: Cache,
        catalogue: Catalogue,
        *,
        candidates: Candidates,
        runtime: Runtime,
        checker: LoadChecker,
        aliases: Aliases,
    ) -> None:
        self._config = config
        self._cache = cache
        self._catalogue = catalogue
        self._candidates = candidates
        self._runtime = runtime
        self._checker = checker
        self._aliases = aliases

    def compare(self, references: Sequence[Reference]) -> Comparison:
        """Several models next to each other.

        Raises:
            UsageError: There are less than two.
            NotFoundError: There is no such model, or several (``AmbiguousError``).
        """
        from modelhub.comparing import compare  # only where it is asked for

        return compare([self.show(reference) for reference in references])

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
        facts = registry.facts(artifact)
        namesakes = [
            located(other, self._config)
            for other in self._catalogue.in_use(registry.named(artifact.name))
            if other.repository == artifact.repository
        ]
        versions = [other for other in namesakes if other.language == artifact.language]
        versions.sort(key=lambda other: other.built_ms, reverse=True)
        return ShownModel(
            artifact=artifact,
            facts=facts,
            versions=tuple(versions) or (artifact,),
            languages=tuple(sorted({other.language for other in namesakes} - {artifact.language})),
            replaced_by=self._replacement(facts, versions),
            path=self._cache.find(artifact.key),
            problem=problem,
            verdict=self._checker.verdict(artifact),
        )

    def _replacement(self, facts: ModelFacts, versions: Sequence[Artifact]) -> str:
        """What takes the place of a deprecated artifact: as its card says, else the newest build that is not."""
        if not facts.deprecated or facts.replaced_by:
            return facts.replaced_by
        others = (other for other in versions if not self._catalogue.registry.facts(other).deprecated)
        return next((f"{other.reference}@{other.lib_version}" for other in others), "")

    def card_text(self, artifact: Artifact) -> str:
        """The Markdown page of an artifact.

        Raises:
            NotFoundError: Only its facts are known.
        """
        found = self._catalogue.registry.card_source(artifact)
        text = self._catalogue.text_of(*found) if found else None
        if text is None:
            url = page_url(self._catalogue.registry.facts(artifact).page)
            online = f"It is at {url}; " if url else ""
            raise NotFoundError(
                f"The page of {artifact.reference} is not here, only its facts.",
                hint=f"{online}modelhub update --cards PATH reads all pages from a checkout, or an archive, of the "
                "hub's repository of model cards.",
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
            path=str(self._aliases.loadable_if_possible(shown.path)) if is_loaded and shown.path else "",
        )
        code = write_snippet(subject, flavour)
        if is_loaded:
            self._cache.note_use(artifact.key)
        return code
