"""Completion of what is typed: names of models, values of options, from the registry as it is; nothing is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelhub.artifacts import ArtifactKey
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import ModelHubError, UsageError
from modelhub.languages import language_names
from modelhub.registry import seen_without
from modelhub.vocabulary import LAST_SIGN

_SHOWN = 200
_SHORTEST_WORD = 2


class Completer:
    """Completes words with what the registry and the cache of the settings hold.

    Whatever goes wrong, nothing is known: somebody is typing, and has asked for nothing yet.

    Args:
        config: Settings.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def models(self, beginning: str) -> list[str]:
        """Names of models that begin so, in any case; with their repository where one was typed."""
        repository, slash, name = beginning.rpartition("/")
        query = (
            "SELECT DISTINCT name FROM models m WHERE {seen} AND name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?"
            " AND ? IN ('', repository) ORDER BY name COLLATE NOCASE LIMIT ?"
        )
        found = self._ask(query, name, name + LAST_SIGN, repository, _SHOWN)
        return [f"{repository}{slash}{name}" for name in found]

    def languages_of(self, name: str) -> list[str]:
        """Codes of the languages in which there is a model of this name."""
        query = "SELECT DISTINCT language FROM models m WHERE {seen} AND name = ? COLLATE NOCASE ORDER BY 1"
        return self._ask(query, name.rpartition("/")[2])

    def words(self, beginning: str) -> list[str]:
        """Words that models have, those of most models first."""
        if len(beginning) < _SHORTEST_WORD:
            return []
        query = "SELECT word FROM vocabulary WHERE word >= ? AND word < ? ORDER BY models DESC LIMIT ?"
        word = beginning.lower()
        return self._ask(query, word, word + LAST_SIGN, _SHOWN)

    def values(self, field: str, beginning: str) -> list[str]:
        """Values that models can be filtered by and that begin so, the most frequent first."""
        known = self._ask("SELECT value FROM facets WHERE field = ? ORDER BY models DESC, value", field)
        return _beginning_with(beginning, known)

    def languages(self, beginning: str) -> list[str]:
        """Codes of languages that begin so, or whose English name does."""
        known = self._ask("SELECT value FROM facets WHERE field = 'language' ORDER BY models DESC, value")
        return [code for code in known if _beginning_with(beginning, [code, *language_names(code)])]

    def labels(self, beginning: str) -> list[str]:
        """Labels that models predict."""
        query = "SELECT DISTINCT label FROM labels WHERE label >= ? AND label < ? LIMIT ?"
        return self._ask(query, beginning, beginning + LAST_SIGN, _SHOWN)

    def cached(self, beginning: str) -> list[str]:
        """Names of models that are in the cache."""
        try:
            folders = [folder.name for folder in self._config.cache.iterdir()]
        except OSError:
            return []
        return _beginning_with(beginning, sorted({name for folder in folders for name in _names_of(folder)}))

    def _ask(self, query: str, *values: str | int) -> list[str]:
        """The answers to a query, in which ``{seen}`` leaves out models that only hubs not in use know."""
        catalogue = Catalogue(self._config, lambda sentence: None)
        try:
            registry = catalogue.current_registry()
            if registry is None:
                return []
            hidden = catalogue.hidden_lists() if "{seen}" in query else []
            seen = f"EXISTS (SELECT 1 FROM artifacts a WHERE a.model_id = m.id AND {seen_without(hidden)})"
            query = query.format(seen=seen if hidden else "1")
            return [row[0] for row in registry.connection.execute(query, (*hidden, *values))]
        except ModelHubError:
            return []
        finally:
            catalogue.close()


def _beginning_with(beginning: str, values: Iterable[str]) -> list[str]:
    wanted = beginning.lower()
    return [value for value in values if value.lower().startswith(wanted)][:_SHOWN]


def _names_of(folder: str) -> Sequence[str]:
    """The name of the model whose entry a folder is; none where it is no entry."""
    try:
        return [ArtifactKey.parse(folder).name]
    except UsageError:
        return []
