"""The magics ``%kubectl`` and ``%%kubectl``: kubectl in a cell, typed as in a terminal.

    %kubectl get pods -o wide
    names = %kubectl get pods -l app={app} -o jsonpath='{.items[*].metadata.name}'

    %%kubectl apply -f -
    apiVersion: v1
    ...

A magic that is a statement of its own prints kubectl's output, anywhere in the cell. An assigned
magic returns the text and prints nothing. In a line, ``{expression}`` and ``$name`` stand for
values (``command_line.py``); the lines under ``%%kubectl`` are sent as they are.

The import of ``daemonset_course`` loads the magics where IPython runs. This module imports IPython
and is imported only there.
"""

from __future__ import annotations

import ast
import shlex
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)

from daemonset_course.command_line import split
from daemonset_course.errors import BadInput
from daemonset_course.verbs.command_words import reads_input
from daemonset_course.verbs.kubectl import Output, kubectl

NAME = "kubectl"


class ShowStatements(ast.NodeTransformer):
    """Print the output of each magic that is a statement; IPython prints only the last one's."""

    ran = False

    def visit(self, node: ast.AST) -> Any:
        """Transform a cell, or a part of it."""
        self.ran = True
        return super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        """Turn a magic without an assignment into ``magic.show()``."""
        match node.value:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Name(id="get_ipython")),
                    attr="run_line_magic" | "run_cell_magic",
                ),
                args=[ast.Constant(value=name), *_],
            ) if name == NAME:
                show = ast.Attribute(node.value, "show", ast.Load())
                node.value = ast.Call(show, [], [])
                return ast.fix_missing_locations(node)
        return node


class PrintedOutput(Output):
    """An output that was printed already."""

    __slots__ = ()

    def show(self) -> None:
        """Print nothing."""

    def _ipython_display_(self) -> None:
        """Show nothing at the end of a cell."""


@magics_class
class KubectlMagics(Magics):
    """The two magics, for one shell."""

    def __init__(self, shell: InteractiveShell, statements: ShowStatements) -> None:
        super().__init__(shell)
        self._shell, self._statements = shell, statements

    @needs_local_scope
    @no_var_expand  # IPython's own expansion breaks a line with a jsonpath
    @line_cell_magic
    def kubectl(
        self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None
    ) -> Output:
        """Run kubectl on the course's own cluster, as typed: ``%kubectl get pods -o wide``.

        ``pods = %kubectl get pods -o name`` keeps the text and prints nothing. ``{expression}``
        and ``$name`` stand for values of Python. ``%%kubectl apply -f -`` sends the lines under it
        as standard input. There is no shell: no pipes, no redirections.
        """
        while cell is not None and line.endswith("\\"):
            more, _, cell = cell.partition("\n")
            line = f"{line[:-1]} {more}"
        words = split(line, self._shell.user_ns | (local_ns or {}))
        if cell is not None and not reads_input(words):
            raise BadInput(
                "The command does not read the lines under it.",
                seen=f"%%kubectl {line}",
                next_step="Add -f - to send them to kubectl, or write one %kubectl a line.",
            )
        output = kubectl(shlex.join(words), stdin=cell)
        if self._statements.ran:
            return output
        output.show()  # this cell loaded the magics, after its own transformation
        return PrintedOutput(output)


def load(shell: InteractiveShell) -> None:
    """Load the magics into a shell, once."""
    if not any(isinstance(each, ShowStatements) for each in shell.ast_transformers):
        statements = ShowStatements()
        shell.ast_transformers.append(statements)
        shell.register_magics(KubectlMagics(shell, statements))
