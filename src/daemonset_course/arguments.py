"""Check what a learner gives to a public function, by its annotations, before it runs.

``daemonset_course`` and ``daemonset_course.lessons`` export their functions through ``checked``;
the course's own modules call each other without it. Nothing is caught: an exception of the function
itself is a mistake of the course, and stays a traceback.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from daemonset_course.errors import BadInput, shown

F = TypeVar("F", bound=Callable[..., Any])

LONGEST = 86_400.0  # seconds of a timeout: a day
_LARGEST = 10**9
_NAMES = {
    str: "a string", int: "a whole number", float: "a number", bool: "True or False",
    type(None): "None",
}  # fmt: skip
_SCALARS = (str, int, float, bool, type(None))


def export(namespace: MutableMapping[str, Any], names: Iterable[str]) -> None:
    """Check the arguments of the functions and the data classes of these names in a module."""
    for name in names:
        found = namespace.get(name)
        if inspect.isfunction(found):
            namespace[name] = checked(found)
        elif isinstance(found, type) and dataclasses.is_dataclass(found):
            found.__init__ = checked(found.__init__, found)  # type: ignore[method-assign]
        elif isinstance(found, type) and hasattr(found, "_fields"):  # a named tuple
            found.__new__ = checked(found.__new__, found)  # type: ignore[method-assign]


def checked(function: F, made: type | None = None) -> F:
    """Return the function, or the constructor of ``made``, behind a check of its arguments.

    The check raises BadInput: an argument is missing or unknown, is not of the annotated type, is
    no finite number, or is a timeout that is negative or longer than ``LONGEST``.
    """
    signature = inspect.signature(function)
    where = vars(sys.modules[(made or function).__module__])
    title = (made or function).__name__

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(*arguments, **named)
        except TypeError as error:
            raise _refusal(title, signature, str(error), "") from error
        for name, value in bound.arguments.items():
            _check(title, signature, name, value, where)
        return function(*arguments, **named)

    return typing.cast(F, call)


def _check(
    title: str, signature: inspect.Signature, name: str, value: Any, where: dict[str, Any]
) -> None:
    parameter = signature.parameters[name]
    each = {name: value}
    if parameter.kind is parameter.VAR_POSITIONAL:
        each = {f"{name}[{i}]": one for i, one in enumerate(value)}
    elif parameter.kind is parameter.VAR_KEYWORD:
        each = dict(value)
    expected = _annotation(parameter.annotation, where)
    for called, one in each.items():
        if parameter.default is not parameter.empty and one is parameter.default:
            continue
        if not _fits(one, expected):
            finite = not isinstance(one, float) or math.isfinite(one)
            what = _words(expected) if finite else "a finite number"
            raise _refusal(title, signature, f"{called} must be {what}", shown(one))
        if name == "timeout" and one is not None and not 0 <= one <= LONGEST:
            problem = f"timeout must be a number of seconds from 0 to {LONGEST:g}"
            raise _refusal(title, signature, problem, shown(one))


def _annotation(found: Any, where: dict[str, Any]) -> Any:
    """Return the type of a parameter; ``Any`` if it is known to type checkers alone."""
    if isinstance(found, typing.ForwardRef):
        found = found.__forward_arg__
    if not isinstance(found, str):
        return Any if found is inspect.Parameter.empty else found
    try:
        return eval(found, where)  # the course's own annotation
    except NameError:
        return Any


def _fits(value: Any, expected: Any) -> bool:
    origin, inner = get_origin(expected), get_args(expected)
    if expected is Any or expected is object or isinstance(expected, TypeVar):
        return True
    if expected is None:
        return value is None
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if expected is int:
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        return whole and -_LARGEST <= value <= _LARGEST
    if expected is float:
        real = isinstance(value, Real) and not isinstance(value, bool)
        return real and -1e18 <= value <= 1e18  # not a number: it fits no range
    if expected in _SCALARS:
        return isinstance(value, expected)
    if origin is None:
        if getattr(expected, "_is_protocol", False):
            return all(hasattr(value, name) for name in vars(expected) if name[0] != "_")
        return isinstance(value, expected) if isinstance(expected, type) else True
    if not isinstance(value, list if origin is tuple and isinstance(value, list) else origin):
        return False  # a list does where a tuple is asked for: JSON has no other
    if isinstance(value, Mapping) and len(inner) == 2:
        return all(_fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items())
    if origin is tuple and ... not in inner:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if isinstance(value, Collection) and inner and not isinstance(value, str | bytes):
        return all(_fits(one, inner[0]) for one in value)
    return not isinstance(value, bytes)


def _words(expected: Any) -> str:
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_words, inner)))
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if isinstance(expected, type) and expected in _NAMES:
        return _NAMES[expected]
    if not isinstance(expected, type) and origin is None:
        return "a value"
    if origin is Callable:
        return "a function"
    of = [_words(one) for one in inner if one is not ...] if origin is not None else []
    name = getattr(origin or expected, "__name__", str(expected))
    return f"a {name}" + (f" of {', '.join(of)}" if of else "")


def _refusal(title: str, signature: inspect.Signature, problem: str, seen: str) -> BadInput:
    shape = signature.replace(
        parameters=[
            one.replace(annotation=one.empty)
            for one in signature.parameters.values()
            if one.name not in ("self", "_cls")
        ],
        return_annotation=signature.empty,
    )
    return BadInput(
        f"{title}: {problem}.",
        seen=seen,
        next_step=f"Call it as {title}{shape}",
    )
