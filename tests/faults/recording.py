"""What a real command did to a disk, read from the log of ``strace``, and done again to a model of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from faults.disk_model import Disk, File, Folder, flushing, flushing_all

_CALL = re.compile(
    r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*?)(?P<end>\)\s+= (?P<result>.*)| <unfinished \.\.\.>)$"
)
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)\)\s+= (?P<result>.*)$")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_FILE = re.compile(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
_EXCHANGE = "RENAME_EXCHANGE"


class Replay:
    """Does the calls of a log again to a model of the disk.

    Args:
        disk: As it was before.
        log: What was written down, with all bytes that were written.
    """

    def __init__(self, disk: Disk, log: Path) -> None:
        self.disk = disk
        self._lines = log.read_text(encoding="utf-8").splitlines()
        self._offsets: dict[str, int] = {}
        self._pending: dict[str, tuple[str, str, Callable[[], None] | None]] = {}

    def steps(self) -> Iterator[str]:
        """Do one call after the other; each is told when it has ended."""
        for line in self._lines:
            if begun := _CALL.match(line):
                name, arguments = begun["name"], begun["arguments"]
                # What is flushed is what was there when the flush began; other calls take place when they end.
                flush = self._flush(name, arguments)
                if begun["result"] is None:
                    self._pending[begun["thread"]] = (name, arguments, flush)
                    continue
                result = begun["result"]
            elif ended := _RESUMED.match(line):
                name, arguments, flush = self._pending.pop(ended["thread"])
                arguments, result = arguments + ended["arguments"], ended["result"]
            else:
                continue
            if result.startswith(("-1", "?")):
                continue
            if flush:
                flush()
            else:
                self._do(name, arguments, result)
            yield f"{name}({_readable(arguments)}) = {_readable(result)}"

    def _flush(self, name: str, arguments: str) -> Callable[[], None] | None:
        if name in ("fsync", "fdatasync"):
            _, path = _file(arguments)
            node = self.disk.find(path)
            return flushing(node) if node else lambda: None
        if name in ("sync", "syncfs"):
            return flushing_all(self.disk)
        return None

    def _do(self, name: str, arguments: str, result: str) -> None:
        disk = self.disk
        if name in ("open", "openat", "creat"):
            self._open(arguments, result)
        elif name in ("write", "pwrite64"):
            self._write(name, arguments, int(result))
        elif name in ("ftruncate", "fallocate"):
            self._resize(name, arguments)
        elif name in ("mkdir", "mkdirat"):
            (path,) = _paths(arguments)
            disk.create(path, Folder())
        elif name in ("rename", "renameat", "renameat2"):
            old, new = _paths(arguments)
            (disk.exchange if _EXCHANGE in arguments else disk.rename)(old, new)
        elif name in ("link", "linkat"):
            old, new = _paths(arguments)
            node = disk.find(old)
            assert node
            disk.create(new, node)
        elif name in ("unlink", "unlinkat", "rmdir"):
            (path,) = _paths(arguments)
            disk.remove(path)
        elif name not in ("chmod", "fchmod", "fchmodat", "utimensat"):
            raise NotImplementedError(name)

    def _open(self, arguments: str, result: str) -> None:
        descriptor, path = _file(result)
        self._offsets[descriptor] = 0
        node = self.disk.find(path)
        if "O_CREAT" in arguments and node is None:
            self.disk.create(path, File())
        elif "O_TRUNC" in arguments and isinstance(node, File):
            node.resize(0)

    def _write(self, name: str, arguments: str, size_bytes: int) -> None:
        descriptor, path = _file(arguments)
        node = self.disk.find(path)
        if not isinstance(node, File):  # a pipe
            return
        data, is_cut = _BYTES.search(arguments, arguments.index(">")).groups()  # type: ignore[union-attr]
        assert not is_cut
        if name == "pwrite64":
            offset = int(arguments.rpartition(", ")[2])
        else:
            offset = self._offsets[descriptor]
            self._offsets[descriptor] += size_bytes
        node.write(_bytes(data)[:size_bytes], offset)

    def _resize(self, name: str, arguments: str) -> None:
        _, path = _file(arguments)
        node = self.disk.find(path)
        numbers = [int(number) for number in re.findall(r", (\d+)", arguments)]
        assert isinstance(node, File)
        node.resize(numbers[-1] if name == "ftruncate" else max(len(node.content), sum(numbers[-2:])))


def load(disk: Disk, folder: Path) -> None:
    """Put a folder as it is into a model, all of it sure."""
    disk.folder(PurePosixPath(folder))
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            disk.folder(PurePosixPath(path))
        else:
            content = path.read_bytes()
            disk.create(PurePosixPath(path), File(content=bytearray(content), sure=content))
    flushing_all(disk)()


def _file(text: str) -> tuple[str, PurePosixPath]:
    """The first file descriptor in a text, and its path."""
    found = _FILE.search(text)
    assert found, text
    return found[1], PurePosixPath(_bytes(found[2]).decode())


def _paths(arguments: str) -> list[PurePosixPath]:
    """The paths that a call names, each below the folder that stands before it, if one does."""
    paths = []
    for found in re.finditer(r'(?:(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"', arguments):
        base, name = (_bytes(group or "").decode() for group in found.groups())
        paths.append(PurePosixPath(base, name))
    return paths


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _readable(text: str) -> str:
    return _BYTES.sub(
        lambda found: repr(_bytes(found[1][:400])), _FILE.sub(lambda found: _bytes(found[2]).decode(), text)
    )
