"""Draw the pictures of ideas as SVG files, which JupyterLab, an export and GitHub show alike.

    .venv/bin/python tools/course_pages.py    # writes pictures.md and pictures/*.svg

A picture is boxes, arrows, bars and words at fixed places, in pixels of a page that is ``WIDTH``
wide. It has paper of its own, in two themes. An image takes the theme of the page that shows it, or
the browser's; it is readable in each. Mermaid was tried: nbconvert's export loads it from a server
on the internet, and its words are 9 px high on a page of 1000 px.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH = 720
SIZE, LINE = 13, 17  # of letters, and from one line to the next
LETTER = 7.0  # what a letter of this size takes on average, bold ones included
FOLDER = "pictures"

_STYLE = """\
  svg { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
  .paper { fill: #ffffff; } text { fill: #1a1a1a; } .bold { font-weight: 600; }
  .ask { fill: #eaf2fb; stroke: #35618e; } .no { fill: #fdeee4; stroke: #8f3d00; stroke-width: 2; }
  .yes { fill: #ffffff; stroke: #1a1a1a; stroke-width: 2; } .bar { fill: #c9d3de; stroke: #44515e; }
  .wait { fill: #ffffff; stroke: #44515e; stroke-dasharray: 5 3; }
  .arrow { fill: none; stroke: #44515e; stroke-width: 1.5; } .head { fill: #44515e; }
  .rule { stroke: #b5bdc6; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #111417; } text { fill: #f0f2f4; }
    .ask { fill: #17293c; stroke: #8ab8e6; } .no { fill: #3a2415; stroke: #f0a978; }
    .yes { fill: #111417; stroke: #f0f2f4; } .bar { fill: #3b4650; stroke: #b5bdc6; }
    .wait { fill: #111417; stroke: #b5bdc6; } .arrow { stroke: #b5bdc6; } .head { fill: #b5bdc6; }
    .rule { stroke: #4a535c; }
  }
"""


@dataclass(frozen=True)
class Box:
    """A box with lines of words; ``kind`` is a class of the style, the first line may be bold."""

    x: float
    y: float
    width: float
    height: float
    words: tuple[str, ...] = ()
    kind: str = "ask"
    bold: bool = False

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height


@dataclass(frozen=True)
class Arrow:
    """A line through points, with a head at its end, and words at a place of their own."""

    points: tuple[tuple[float, float], ...]
    word: str = ""
    at: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class Words:
    """Lines of words; ``anchor`` says which end of them stands at ``x``."""

    x: float
    y: float
    lines: tuple[str, ...]
    anchor: str = "start"
    bold: bool = False


@dataclass(frozen=True)
class Rule:
    """A thin line."""

    start: tuple[float, float]
    end: tuple[float, float]


Part = Box | Arrow | Words | Rule


@dataclass(frozen=True)
class Picture:
    """A picture: the stem of its file, its alternative text, its height, its parts."""

    name: str
    alt: str
    height: float
    parts: tuple[Part, ...]

    @property
    def path(self) -> str:
        """Its file, from the top of the repository."""
        return f"{FOLDER}/{self.name}.svg"

    def svg(self) -> str:
        """Return the file's text."""
        top = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height:g}" '
            f'viewBox="0 0 {WIDTH} {self.height:g}" role="img">\n'
            f"<title>{escape(self.alt)}</title>\n"
            f"<style>\n{_STYLE}</style>\n"
            f'<rect class="paper" width="{WIDTH}" height="{self.height:g}" rx="6"/>\n'
        )
        return (
            top + "".join(f"{line}\n" for part in self.parts for line in _drawn(part)) + "</svg>\n"
        )


def _drawn(part: Part) -> Iterator[str]:
    if isinstance(part, Box):
        place = f'x="{part.x:g}" y="{part.y:g}" width="{part.width:g}" height="{part.height:g}"'
        yield f'<rect class="{part.kind}" {place} rx="5"/>'
        top = part.y + part.height / 2 - (len(part.words) - 1) * LINE / 2 + SIZE * 0.36
        middle = part.x + part.width / 2
        yield from _written(middle, top, part.words, "middle", bold=part.bold, only_first=True)
    elif isinstance(part, Words):
        yield from _written(part.x, part.y, part.lines, part.anchor, bold=part.bold)
    elif isinstance(part, Rule):
        (x, y), (to_x, to_y) = part.start, part.end
        yield f'<line class="rule" x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"/>'
    else:
        way = " ".join(f"{x:g},{y:g}" for x, y in part.points)
        yield f'<polyline class="arrow" points="{way}"/>'
        yield f'<polygon class="head" points="{_head(*part.points[-2:])}"/>'
        if part.word:
            yield from _written(*part.at, (part.word,), "middle")


def _written(
    x: float, y: float, lines: Sequence[str], anchor: str, *, bold: bool = False,
    only_first: bool = False,
) -> Iterator[str]:  # fmt: skip
    for number, line in enumerate(lines):
        heavy = ' class="bold"' if bold and (number == 0 or not only_first) else ""
        place = f'x="{x:g}" y="{y + number * LINE:g}" text-anchor="{anchor}"'
        yield f"<text{heavy} {place}>{escape(line)}</text>"


def _head(before: tuple[float, float], end: tuple[float, float]) -> str:
    """Return the three corners of an arrow's head; the line arrives level or upright."""
    (x, y), (from_x, from_y) = end, before
    if x == from_x:
        back = y - 8 if y > from_y else y + 8
        corners = ((x, y), (x - 4.5, back), (x + 4.5, back))
    else:
        back = x - 8 if x > from_x else x + 8
        corners = ((x, y), (back, y - 4.5), (back, y + 4.5))
    return " ".join(f"{one:g},{other:g}" for one, other in corners)


def _down(upper: Box, lower: Box, word: str) -> Arrow:
    x = upper.x + upper.width / 2
    return Arrow(
        ((x, upper.bottom), (x, lower.y)), word, (x + 18, (upper.bottom + lower.y) / 2 + 5)
    )


def _across(left: Box, right: Box, word: str = "") -> Arrow:
    y = left.y + left.height / 2
    return Arrow(((left.right, y), (right.x, y)), word, ((left.right + right.x) / 2, y - 6))


def _ladder(
    rungs: Sequence[tuple[tuple[str, ...], str, tuple[str, ...], str]], last: tuple[str, ...],
    onward: Sequence[str], height: float = 62,
) -> tuple[Part, ...]:  # fmt: skip
    """Return questions one under the other, each with its answer at the right.

    Args:
        rungs: question, the word of the arrow to the answer, the answer, the answer's kind.
        last: where the arrow from the last question leads.
        onward: the word of the arrow down from each question.
        height: of a box.
    """
    step = height + 26
    asks = [Box(16, 16 + step * i, 228, height, rung[0]) for i, rung in enumerate(rungs)]
    says = [
        Box(300, ask.y, 404, height, rung[2], rung[3], bold=True)
        for ask, rung in zip(asks, rungs, strict=True)
    ]
    end = Box(16, 16 + step * len(rungs), 228, 27 + LINE * len(last), last, "yes", bold=True)
    across = [_across(ask, say, rung[1]) for ask, say, rung in zip(asks, says, rungs, strict=True)]
    down = [_down(*pair, word) for pair, word in zip(pairwise([*asks, end]), onward, strict=True)]
    return (*asks, *says, end, *across, *down)


WHO_MAY_SAY_NO = Picture(
    "who-may-say-no",
    "Four questions, from the top. Is the node eligible? If not, the DaemonSet controller says "
    "no: no event, and DESIRED is less than the nodes; ask why(node, daemonset). Is there a Pod "
    "for the node? If not, the API server says no: FailedCreate in kubectl describe daemonset, "
    "from daemonset-controller. Does the Pod have a node? If not, the scheduler says no: "
    "FailedScheduling in kubectl describe pod, from default-scheduler. Is the Pod ready? If "
    "not, the kubelet says why, in kubectl describe pod and kubectl logs.",
    16 + 88 * 4 + 44 + 16,
    _ladder(
        (
            (("Is the node eligible?",), "no",
             ("DaemonSet controller", "no event; DESIRED is less than the nodes",
              "why(node, daemonset)"), "no"),
            (("Is there a Pod for the node?",), "no",
             ("API server", "FailedCreate, written by daemonset-controller",
              "kubectl describe daemonset"), "no"),
            (("Does the Pod have a node?",), "no",
             ("scheduler", "FailedScheduling, written by default-scheduler",
              "kubectl describe pod"), "no"),
            (("Is the Pod ready?",), "no",
             ("kubelet", "Failed, BackOff, Unhealthy, OutOfcpu; written by kubelet",
              "kubectl describe pod, kubectl logs --previous"), "no"),
        ),
        ("nobody says no",),
        ("yes",) * 4,
    ),
)  # fmt: skip

_DELETED = ("no Pod here", "one that is here is deleted")
SHOULD_RUN = Picture(
    "should-the-node-run-the-pod",
    "If the template names another node, or if the node's labels do not match nodeSelector and "
    "required node affinity: no Pod, and one that is there is deleted. If all taints with "
    "NoSchedule and NoExecute are tolerated: the Pod runs, and a missing one is created. If one "
    "of those that are not tolerated is NoExecute: no Pod, and one that is there is deleted. "
    "Else: no new Pod, and one that is there stays, misscheduled.",
    16 + 80 * 4 + 78 + 16,
    (
        *_ladder(
            (
                (("Does the template name", "another node?"), "yes", _DELETED, "no"),
                (("Do its labels match selector", "and required node affinity?"), "no",
                 _DELETED, "no"),
                (("Are all taints NoSchedule", "and NoExecute tolerated?"), "yes",
                 ("the Pod runs here", "a missing one is created"), "yes"),
                (("Is one that is not tolerated", "NoExecute?"), "yes", _DELETED, "no"),
            ),
            ("no new Pod", "one that is here stays:", "it is misscheduled"),
            ("no", "yes", "no", "no"),
            height=54,
        ),
    ),
)  # fmt: skip

_LANES = (
    ("DaemonSet", "controller"), ("API server",), ("scheduler",), ("kubelet of", "the node"),
    ("Pod garbage", "collector"),
)  # fmt: skip
_STEP, _LANE, _TOP = 98, 56, 34


def _act(step: int, lane: int, *words: str, kind: str = "ask") -> Box:
    return Box(124 + _STEP * step, _TOP + _LANE * lane + 7, 84, _LANE - 14, words, kind)


def _who_does_what() -> tuple[Part, ...]:
    acts = (
        _act(0, 0, "creates", "and pins it"), _act(1, 1, "admits and", "stores it"),
        _act(2, 2, "binds it"), _act(3, 3, "runs it"), _act(4, 0, "orders its", "deletion"),
        _act(5, 3, "stops and", "removes it"), _act(5, 4, "removes it", "by force", kind="no"),
    )  # fmt: skip
    lanes = [
        Words(12, _TOP + _LANE * number + 33 - LINE / 2 * (len(name) - 1), name, bold=True)
        for number, name in enumerate(_LANES)
    ]
    rules = [Rule((8, _TOP + _LANE * n), (WIDTH - 8, _TOP + _LANE * n)) for n in range(6)]
    steps = [Words(166 + _STEP * n, 22, (str(n + 1),), "middle", bold=True) for n in range(6)]
    ways = [_stair(one, other) for one, other in pairwise(acts[:6])]
    without = Words(584, _TOP + _LANE * 4 + 33, ("if the node is gone",), "end")
    return (*rules, *lanes, *steps, *ways, *acts, without)


def _stair(one: Box, other: Box) -> Arrow:
    """Return an arrow that leaves at the right and arrives at the left, level at both ends."""
    x = (one.right + other.x) / 2 - 3
    y, to = one.y + one.height / 2, other.y + other.height / 2
    return Arrow(((one.right, y), (x, y), (x, to), (other.x, to)))


WHO_DOES_WHAT = Picture(
    "who-does-what",
    "The life of a Pod in six steps. 1: the DaemonSet controller creates it and pins it to its "
    "node. 2: the API server admits and stores it. 3: the scheduler binds it. 4: the kubelet of "
    "the node runs it. 5: the DaemonSet controller orders its deletion. 6: the kubelet stops it "
    "and removes the object; if the node is gone, the Pod garbage collector removes it by "
    "force.",
    _TOP + _LANE * 5 + 8,
    _who_does_what(),
)


def _surge() -> tuple[Part, ...]:
    old = Box(16, 20, 190, 44, ("old Pod, available",), bold=True)
    down = Box(16, 130, 190, 44, ("old Pod, not available",), bold=True)
    both = Box(
        400, 20, 304, 80,
        ("old and new Pod", "the new one is not available:", "the node counts against maxSurge"),
        "no", bold=True,
    )  # fmt: skip
    new = Box(452, 196, 200, 44, ("new Pod alone",), "yes", bold=True)
    none = Box(16, 250, 190, 44, ("no Pod",), "yes", bold=True)
    middle = both.x + both.width / 2
    return (
        old, down, both, new, none,
        Arrow(((old.right, 42), (both.x, 42))),
        Words(303, 36, ("if fewer than maxSurge",), "middle"),
        Words(303, 58, ("nodes count: a new Pod",), "middle"),
        Arrow(((down.right, 152), (330, 152), (330, 88), (both.x, 88))),
        Words(214, 146, ("a new Pod,",)),
        Words(214, 168, ("at once",)),
        Arrow(((middle, both.bottom), (middle, new.y))),
        Words(middle - 10, 132, ("the new Pod is available, or",), "end"),
        Words(middle - 10, 149, ("the old one is not ready:",), "end"),
        Words(middle - 10, 166, ("delete the old Pod",), "end"),
        Arrow(((111, down.bottom), (111, none.y))),
        Words(121, 208, ("if the node should have none:", "delete the old Pod")),
    )  # fmt: skip


SURGE = Picture(
    "the-states-of-a-surge",
    "A node with an available old Pod gets a new Pod beside it if fewer than maxSurge nodes "
    "count. A node whose old Pod is not available gets a new Pod at once; if it should have "
    "none, the old Pod is deleted. A node with both Pods counts against maxSurge until the new "
    "Pod is available, or the old one is not ready; then the old Pod is deleted.",
    310,
    _surge(),
)


def _at(second: float) -> float:
    return 140 + 6.9 * second


def _clock() -> Iterator[Part]:
    for second in range(0, 81, 10):
        yield Rule((_at(second), 30), (_at(second), 218))
        yield Words(_at(second), 236, (f"{second} s",), "middle")
    for y, lane in (
        (56, "Node object"),
        (102, "its Pods"),
        (148, "collector waits"),
        (194, "and looks"),
    ):
        yield Words(12, y, (lane,), bold=True)
    yield Words(_at(0) + 6, 56, ("deleted",))
    yield Rule((_at(0), 30), (_at(0), 218))
    yield Box(_at(0), 82, _at(55) - _at(0), 30, ("listed as they were last reported",), "bar")
    yield Words(_at(55) + 8, 102, ("deleted by force",))
    yield Box(_at(15), 128, _at(55) - _at(15), 30, ("40 s",), "wait")
    for second, word in ((15, "no node"), (35, "not yet"), (55, "the wait is over")):
        yield Arrow(((_at(second), 168), (_at(second), 206)))
        yield Words(_at(second) + 8, 194, (word,))


CLOCK = Picture(
    "the-clock-of-the-pod-garbage-collector",
    "A Node object is deleted at 0 s. The Pod garbage collector looks at 15 s, finds no node, "
    "and waits for 40 s. At 35 s it looks: not yet. At 55 s the wait is over: it deletes the "
    "Pods by force. Until then they are listed as they were last reported.",
    250,
    tuple(_clock()),
)

PICTURES = (WHO_MAY_SAY_NO, WHO_DOES_WHAT, SHOULD_RUN, SURGE, CLOCK)
