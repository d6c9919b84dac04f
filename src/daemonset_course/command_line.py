r"""Split a command line into words, with the values of its Python expressions.

``{expression}`` and ``$name`` stand for values, as in the line magics of IPython. Differences:

- Each brace is parsed by itself, and text that is not Python stays: the braces of a jsonpath
  (``{.items[*].metadata.name}``, ``{range .items[*]}``, ``{"\n"}``, ``{end}``), of JSON, and the
  doubled ones of a Go template. IPython expands a whole line or none of it.
- A value in quotes stays one word, whatever it contains. A value without quotes is split at blanks,
  and quotes in it count, as in the rest of the line.
- A name that does not exist is an error: nothing is run.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.errors import BadInput, in_one_line

_DOLLAR = re.compile(r"\$(?P<doubled>\$?)(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)")
_TEMPLATE = re.compile(r"\{\{.*?(\}\}|$)")
_SUBSTITUTION = re.compile(r"\$\(|`")
_OPERATOR = re.compile(r"\|+|&+|;|\d?>+|<+")
_COMMENT = re.compile(r"(?<!\S)#")
_JSONPATH = {"end"}  # a word of jsonpath; its other words take a path, which is not Python

_PYTHON = "Assign the output, text = %kubectl ..., and go on in Python: text.splitlines()."
_ALTERNATIVES = {
    "|": _PYTHON,
    ">": "Assign the output, text = %kubectl ..., and write it: Path(...).write_text(text).",
    "<": "Begin the cell with %%kubectl: the lines under it are the standard input. No <<EOF.",
    "&": "Write one command a line: an error ends the cell. Nothing runs in the background.",
    ";": "Write one command a line. To print nothing: _ = %kubectl ...",
    "$(": "Assign the inner command, name = %kubectl ..., then write {name}.",
    "`": "Assign the inner command, name = %kubectl ..., then write {name}.",
}


@dataclass(frozen=True)
class _Piece:
    """A part of a line: text or an expression, and the quote around it."""

    text: str
    expression: bool = False
    quote: str = ""


def split(line: str, names: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line, with the values of its expressions.

    Args:
        line: the text after ``%kubectl``.
        names: the values that an expression can use, by name.

    Raises:
        BadInput: an expression has no value, a quotation does not end, or the line needs a shell
            (pipes, redirections, ``&&``, command substitution).
    """
    text = "".join(
        _escaped(_value(piece.text, names), piece.quote) if piece.expression else piece.text
        for piece in _pieces(line)
    )
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadInput(
            "The command line cannot be split into words.",
            seen=f"{error}: {text}",
            next_step="Close the quotation; put a value with quotes in it in quotes: '{value}'.",
        ) from error


def expressions(line: str) -> list[str]:
    """Return the Python expressions of a command line, in order.

    Raises:
        BadInput: the line needs a shell.
    """
    return [piece.text for piece in _pieces(line) if piece.expression]


def _pieces(line: str) -> Iterator[_Piece]:
    at, quote = 0, ""
    while at < len(line):
        piece = _next(line, at, quote)
        if piece is None:  # a comment
            return
        found, length = piece
        if found.text in ("'", '"') and quote in ("", found.text):
            quote = "" if quote else found.text
        yield found
        at += length


def _next(line: str, at: int, quote: str) -> tuple[_Piece, int] | None:
    """Return the piece that begins here and its length in the line; None for a comment."""
    if line[at] == "\\" and quote != "'":
        return _Piece(line[at : at + 2]), 2
    if template := _TEMPLATE.match(line, at):
        return _Piece(template[0]), len(template[0])
    if line[at] == "{" and (expression := _expression(line, at)):
        return _Piece(expression, True, quote), len(expression) + 2
    if quote != "'":
        if substitution := _SUBSTITUTION.match(line, at):
            raise _needs_shell(line, substitution[0])
        if dollar := _DOLLAR.match(line, at):
            if dollar["doubled"]:
                return _Piece(f"${dollar['name']}"), len(dollar[0])
            return _Piece(dollar["name"], True, quote), len(dollar[0])
    if not quote:
        if _COMMENT.match(line, at):
            return None
        if operator := _OPERATOR.match(line, at):
            raise _needs_shell(line, operator[0])
    return _Piece(line[at]), 1


def _expression(line: str, at: int) -> str | None:
    """Return the text between this brace and its partner, if it is Python that uses a name."""
    for end in (match.start() for match in re.finditer(r"\}", line[at:])):
        text = line[at + 1 : at + end]
        try:
            with warnings.catch_warnings(action="ignore"):  # the text may be a jsonpath
                tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError):
            continue
        uses = any(isinstance(node, ast.Name) for node in ast.walk(tree))
        return text if uses and text.strip() not in _JSONPATH else None
    return None


def _value(expression: str, names: Mapping[str, Any]) -> str:
    try:
        return str(eval(expression.strip(), dict(names)))  # the learner's own code, as in a cell
    except Exception as error:
        raise BadInput(
            f"{expression.strip()} in the command line has no value.",
            seen=in_one_line(error),
            next_step="Run the cell that sets it. {...} and $name stand for values of Python; "
            "a jsonpath begins with a dot: {.status}",
        ) from error


def _escaped(value: str, quote: str) -> str:
    """Return the value with its quotes escaped, so that it does not end the quotation around it."""
    if quote == "'":
        return value.replace("'", "'\"'\"'")
    return re.sub(r'(["\\])', r"\\\1", value) if quote else value


def _needs_shell(line: str, operator: str) -> BadInput:
    kind = operator if operator in _ALTERNATIVES else operator[-1]
    return BadInput(
        f"{operator} needs a shell, and %kubectl runs without one.",
        seen=f"kubectl {line.strip()}",
        next_step=f"{_ALTERNATIVES[kind]} If {operator} belongs to a word, put the word in quotes.",
    )
