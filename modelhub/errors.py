"""Every error that leaves the package, and the exit status that each one means.

::

    ModelHubError                    1   other failure
    ├── UsageError                   2   the words of the command, or of a setting, make no sense
    ├── NotFoundError                4   no such model, entry, card or guide
    │   └── AmbiguousError           4   several models answer to the reference
    ├── IncompatibleError            5   the model exists, not for this runtime
    ├── IntegrityError               6   what arrived, or what lies in the cache, is damaged
    │   └── ArchiveError             6   a zip that is broken or hostile
    ├── NetworkError                 7   the hub cannot be reached, after retries
    │   └── ReplacedError            7   an object is replaced again and again while it is read
    ├── NotAllowedError              8   credentials, licence, or a hub that is not configured
    ├── StoppedError                 1   nobody wants the bytes any more: told to those who still wait for them
    ├── OfflineError                 9   offline, and not in the cache
    └── StorageError                10   disk, permission
        └── WaitTimeoutError        10   another process kept us waiting for too long

Each carries ``code`` (stable, for programs), ``message`` (what, why) and ``hint`` (the next command to type).
"""

from __future__ import annotations

from collections.abc import Sequence


class ModelHubError(Exception):
    """Root of all errors of modelhub.

    Attributes:
        code: Stable name of the failure, as found in the JSON envelope.
        exit_status: Exit status of the command line.
        message: What happened and why, in one or two sentences.
        hint: What to type or do next; may be empty.
        subject: Which of several references failed; "" where there is only one. Set by whoever works through them.
    """

    code = "error"
    exit_status = 1
    subject = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint: a traceback, too, tells what to do."""
        return f"{self.message} {self.hint}".rstrip()


class UsageError(ModelHubError):
    """A reference, option or setting that cannot be understood."""

    code = "usage"
    exit_status = 2


class NotFoundError(ModelHubError):
    """Nothing of that name.

    Attributes:
        nearest: References of the most similar names, best first.
    """

    code = "not_found"
    exit_status = 4

    def __init__(self, message: str, *, hint: str = "", nearest: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.nearest = tuple(nearest)


class AmbiguousError(NotFoundError):
    """Several models answer to the reference; ``nearest`` names them.

    Attributes:
        alternatives: The commands to type for them; set by the command that was typed, else empty.
    """

    code = "ambiguous"
    alternatives: Sequence[str] = ()


class IncompatibleError(ModelHubError):
    """The model exists, but none of its artifacts suits the runtime.

    Attributes:
        alternatives: One line for each artifact: its key and what it needs.
    """

    code = "incompatible"
    exit_status = 5

    def __init__(self, message: str, *, hint: str = "", alternatives: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.alternatives = tuple(alternatives)


class IntegrityError(ModelHubError):
    """Content is not what it should be: size, digest, CRC, or files of an entry."""

    code = "integrity"
    exit_status = 6


class ArchiveError(IntegrityError):
    """A zip that is broken, hostile, or no zip at all."""

    code = "archive"


class NetworkError(ModelHubError):
    """A hub that cannot be reached, or that answers with nonsense.

    Attributes:
        uri: What was asked for, without query string.
        status: HTTP status, where there was an answer.
    """

    code = "network"
    exit_status = 7

    def __init__(self, message: str, *, hint: str = "", uri: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.uri = uri
        self.status = status


class ReplacedError(NetworkError):
    """The object is not the one that it was when its reading began."""


class NotAllowedError(ModelHubError):
    """Credentials, a licence, or a hub that no configuration names."""

    code = "not_allowed"
    exit_status = 8


class StoppedError(ModelHubError):
    """A download that was given up, told to whoever still waits for its bytes."""

    code = "stopped"


class OfflineError(ModelHubError):
    """Offline, and not in the cache."""

    code = "offline"
    exit_status = 9


class StorageError(ModelHubError):
    """The disk is full, a folder cannot be written or read."""

    code = "storage"
    exit_status = 10


class WaitTimeoutError(StorageError):
    """Another process holds the same entry for longer than we may wait."""

    code = "wait_timeout"
