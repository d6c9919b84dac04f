"""The command ``course progress``: what the start notebook shows, in a terminal."""

from __future__ import annotations

import json

from daemonset_course.console import Json, errors_as_text, out
from daemonset_course.course_progress import progress
from daemonset_course.lab.lab_progress import progress_rows


def progress_command(as_json: Json = False) -> None:
    """Print the lessons, predictions, exercises and labs that you have done, and the next step."""
    with errors_as_text():
        found, tasks = progress(), progress_rows()
    if as_json:
        ahead = found.next and found.next.path
        content = {"format": 1, "tasks": tasks, "notebooks": found.as_rows(), "next": ahead}
        print(json.dumps(content, ensure_ascii=False))
    else:
        out.print(repr(found), markup=False)
