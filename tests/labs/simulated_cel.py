"""Evaluate the CEL that admission policies of the labs use: a small part of the language. Pure.

An expression is rewritten as Python: ``&&``, ``||`` and ``!`` as words, ``has()``, optional access
(``a[?"k"]``, ``a.?k``) with ``orValue`` and ``hasValue``. ``?:`` and macros other than ``has`` and
``exists`` on lists are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<op>&&|\|\||==|!=|<=|>=|\[\?|\.\?|.)"""
    r"""|(?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"&&": " and ", "||": " or ", "[?": "[_optional,", ".?": ".optional_"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_OPTIONAL = object()


class CelError(Exception):
    """The expression cannot be evaluated: a key that does not exist, a wrong type."""


class UnknownCel(AssertionError):
    """The expression uses what is not known here."""


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Raises:
        CelError: the API server could not evaluate it.
        UnknownCel: it uses what is not known here.
    """
    if " ? " in re.sub(r"\"[^\"]*\"|'[^']*'", "", expression):
        raise UnknownCel(f"not known here: ?: in {expression}")
    names = {name: _wrapped(value) for name, value in variables.items()}
    scope = {**_CONSTANTS, **names, "_optional": _OPTIONAL, "has": _has, "size": len}
    try:
        code = compile(_python(expression), "<cel>", "eval")
    except SyntaxError as error:
        raise UnknownCel(f"not known here: {expression}") from error
    try:
        return _plain(eval(code, {"__builtins__": {}, **scope}))
    except (CelError, NameError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise CelError(f"{expression}: {error}") from error


def _python(expression: str) -> str:
    parts = []
    for found in _TOKEN.finditer(expression.strip()):
        if found["text"] or found["space"]:
            parts.append(found["text"] or " ")
            continue
        op = found["op"]
        parts.append(" not " if op == "!" else _WORDS.get(op, op))
    text = re.sub(r"\s+", " ", "".join(parts)).strip()
    return re.sub(r"\bhas\(([^()]+)\)", r"has(lambda: \1)", text)


def _has(get: Callable[[], Any]) -> bool:
    try:
        get()
    except CelError:
        return False
    return True


class _Map:
    """A map or an object, as CEL sees it."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self._held = held

    def __getattr__(self, name: str) -> Any:
        if name.startswith("optional_"):
            return _Optional(self._held.get(name.removeprefix("optional_"), _OPTIONAL))
        return self[name]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):
            return _Optional(self._held.get(key[1], _OPTIONAL))
        if key not in self._held:
            raise CelError(f"no such key: {key}")
        return _wrapped(self._held[key])

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __eq__(self, other: object) -> bool:
        return self._held == _plain(other)

    __hash__ = None  # type: ignore[assignment]


class _Optional:
    """A value that may not be there."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getitem__(self, key: Any) -> _Optional:
        if self._value is _OPTIONAL:
            return self
        key = key[1] if isinstance(key, tuple) else key
        try:
            return _Optional(self._value[key])
        except (KeyError, IndexError):
            return _Optional(_OPTIONAL)

    def orValue(self, other: Any) -> Any:  # noqa: N802 - CEL's word
        return other if self._value is _OPTIONAL else _wrapped(self._value)

    def hasValue(self) -> bool:  # noqa: N802 - CEL's word
        return self._value is not _OPTIONAL

    def value(self) -> Any:
        if self._value is _OPTIONAL:
            raise CelError("optional.none() dereference")
        return _wrapped(self._value)


class _Text(str):
    """A string with CEL's methods."""

    __slots__ = ()

    def startsWith(self, other: str) -> bool:  # noqa: N802 - CEL's word
        return self.startswith(other)

    def endsWith(self, other: str) -> bool:  # noqa: N802 - CEL's word
        return self.endswith(other)

    def contains(self, other: str) -> bool:
        return other in self

    def matches(self, pattern: str) -> bool:
        return re.search(pattern, self) is not None


def _wrapped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Map(value)
    if isinstance(value, str):
        return _Text(value)
    return [_wrapped(one) for one in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, _Map):
        return value._held
    if isinstance(value, str):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value
