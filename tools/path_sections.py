"""Choose the cells of a lesson that a path takes: its beginning, and the sections that are named.

``[path.sections]`` in ``content/course.toml`` names sections by their headings. What stands before
the first heading of a lesson (imports, the fleet) is always taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from daemonset_course.errors import BadInput

HEADING = "## "


def chosen(texts: Iterable[tuple[str, str]], sections: Sequence[str]) -> list[int]:
    """Return the places of the cells that a path takes; all of them if it names no section.

    Args:
        texts: kind (``markdown`` or ``code``) and text of each cell.
        sections: headings without their ``##``, in any order.

    Raises:
        BadInput: the lesson has no section of that name.
    """
    every = [*_headings(texts)]
    known = dict.fromkeys(heading for headings in every for heading in headings if heading)
    if unknown := [one for one in sections if one not in known]:
        raise BadInput(
            f"A path names the section {unknown[0]!r}, which the lesson does not have.",
            seen=f"it has {', '.join(known)}",
            next_step="correct [path.sections] in content/course.toml",
        )
    wanted = {"", *sections}
    return [i for i, headings in enumerate(every) if not sections or wanted.intersection(headings)]


def _headings(texts: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """Yield for each cell the headings that its text stands under; empty before the first one.

    A cell that ends a section and begins the next one stands under both.
    """
    heading = ""
    for kind, text in texts:
        under = [heading]
        if kind == "markdown":
            found = [line.removeprefix(HEADING).strip() for line in text.splitlines()
                     if line.startswith(HEADING)]  # fmt: skip
            under = found if text.startswith(HEADING) else [heading, *found]
        heading = under[-1]
        yield under
