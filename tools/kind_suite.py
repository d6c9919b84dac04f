"""Run the live tests, and every lesson, lab and solution, on a real kind cluster.

    make test-kind
    make test-kind IMAGE=kindest/node:v1.36.3 TESTS_KIND=notebooks/00-start-here.ipynb

Exit status: pytest's own, or 3 if no container engine answers; then nothing was run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from daemonset_course.cluster.kind.engine import needed_engine
from daemonset_course.environment import for_tools
from daemonset_course.errors import NoEngine
from run_notebooks import command

NO_ENGINE = 3


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments on kind; return the exit status."""
    try:
        engine = needed_engine()
    except NoEngine as error:
        print(f"Nothing was run on kind. {error}", file=sys.stderr)
        return NO_ENGINE
    print(f"kind on {engine.name} {engine.version}, cgroup v{engine.cgroup}", flush=True)
    words = command(*arguments, cell_seconds=300, test_seconds=600)
    own = {"COURSE_TEST_BACKEND": "kind"}
    return subprocess.run(words, env=for_tools(own), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
