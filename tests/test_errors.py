from __future__ import annotations

import pickle

from modelhub.errors import ModelHubError, NetworkError


def test_a_traceback_tells_what_to_do() -> None:
    assert str(ModelHubError("It failed.", hint="Try again.")) == "It failed. Try again."
    assert str(ModelHubError("It failed.")) == "It failed."


def test_which_of_several_failed_is_kept_with_the_error() -> None:
    error = ModelHubError("It failed.")
    before = error.subject
    error.subject = "pos:en"

    assert (before, error.subject, ModelHubError("Other.").subject) == ("", "pos:en", "")


def test_an_error_crosses_processes_whole() -> None:
    error = NetworkError("It failed.", hint="Try again.", uri="https://x/y", status=503)

    copy = pickle.loads(pickle.dumps(error))

    assert (copy.message, copy.hint, copy.uri, copy.status) == ("It failed.", "Try again.", "https://x/y", 503)
