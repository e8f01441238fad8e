"""Dataclasses that are made when they are first used, and whose instances are made faster.

For each class ``dataclasses.dataclass`` compiles up to six functions, 0.5 ms; a command imports fifty of them,
uses half, and may take 150 ms in all. Here a class costs next to nothing until somebody makes an instance or asks for
its fields. Then ``__init__`` alone is compiled, and all classes share what compares, hashes, shows and refuses to
change. That ``__init__`` sets all fields in one step: a card is read into a hundred of them. Type checkers see the
original.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter, eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, cast

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    # There are no slots: they must be there when a class is made, and would need another ``__init__``.
    def dataclass(
        *, frozen: bool = False, order: bool = False, kw_only: bool = False, **others: bool
    ) -> Callable[[type], type]:
        """Make a class a dataclass; ``dataclasses.fields``, ``replace`` and ``asdict`` know it as one."""
        if others:
            return dataclasses.dataclass(frozen=frozen, order=order, kw_only=kw_only, **others)

        shared = {**_SHARED, **(_FROZEN if frozen else _MUTABLE), **(_ORDER if order else {})}

        def decorate(cls: type) -> type:
            given = {name: value for name, value in cls.__dict__.items() if isinstance(value, dataclasses.Field)}
            finish = partial(_finish, cls, given, kw_only=kw_only)
            late = {name: _Late(cls, name, finish) for name in _LATE}
            for name, value in {**shared, **late}.items():
                if name not in cls.__dict__ or cls.__dict__[name] is None:
                    setattr(cls, name, value)
            return cls

        return decorate


class _Late:
    """An attribute of a class that is not there before the class is finished; whoever asks for it finishes it."""

    def __init__(self, cls: type, name: str, finish: Callable[[], None]) -> None:
        self._class = cls
        self._name = name
        self._finish = finish

    def __get__(self, instance: object, owner: type) -> Any:
        self._finish()
        value = self._class.__dict__[self._name]
        return value.__get__(instance, owner) if hasattr(value, "__get__") else value


def _finish(cls: type, given: Mapping[str, Any], *, kw_only: bool) -> None:
    made: Any = cls
    with _FINISHING:  # another thread may do so
        if _is_late(cls, "__dataclass_fields__"):
            for name, field in given.items():  # an earlier attempt that was interrupted may have taken them away
                setattr(cls, name, field)
            cls.__doc__ = cls.__doc__ or cls.__name__  # else it would be made of __init__, which is not there yet
            dataclasses.dataclass(cls, init=False, repr=False, eq=False, kw_only=kw_only)
        if _is_late(cls, "__init__"):
            made.__init__ = _init_of(dataclasses.fields(made))
        if _is_late(cls, "_hashed"):
            compared = [field for field in dataclasses.fields(made) if field.compare]
            made._compared = staticmethod(attrgetter(*(field.name for field in compared)))
            made._hashed = staticmethod(attrgetter(*(field.name for field in compared if field.hash is not False)))


def _is_late(cls: type, name: str) -> bool:
    return isinstance(cls.__dict__[name], _Late)


def _init_of(fields: Sequence[dataclasses.Field[Any]]) -> Callable[..., None]:
    known: dict[str, Any] = {"_put": object.__setattr__}
    words: dict[bool, list[str]] = {False: [], True: []}
    values = []
    for name, field in ((field.name, field) for field in fields):
        word = value = name
        if field.default is not dataclasses.MISSING:
            known[f"_{name}"] = field.default
            word = f"{name}=_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            known[f"_{name}"], known["_MISSING"] = field.default_factory, dataclasses.MISSING
            word, value = f"{name}=_MISSING", f"_{name}() if {name} is _MISSING else {name}"
        words[bool(field.kw_only)].append(word)
        values.append(f"{name!r}: {value}")
    parameters = ["self", *words[False], *(["*", *words[True]] if words[True] else [])]
    exec(f"def __init__({', '.join(parameters)}): _put(self, '__dict__', {{{', '.join(values)}}})", known)
    return cast("Callable[..., None]", known["__init__"])


def _compares(operator: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return operator(self._compared(self), self._compared(other))

    return compare


def _hash(self: Any) -> int:
    return hash(self._hashed(self))


def _repr(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{self.__class__.__qualname__}({values})"


def _set(self: Any, name: str, value: object) -> None:
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_SHARED = {"__eq__": _compares(eq), "__repr__": _repr}
_FROZEN = {"__hash__": _hash, "__setattr__": _set, "__delattr__": _delete}
_MUTABLE = {"__hash__": None}
_ORDER = {"__lt__": _compares(lt), "__le__": _compares(le), "__gt__": _compares(gt), "__ge__": _compares(ge)}
_LATE = ("__dataclass_fields__", "__match_args__", "__init__", "_compared", "_hashed")
_FINISHING = threading.RLock()  # a class finishes those that it builds on
