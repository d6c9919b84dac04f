"""Whose agents answer a caller, from the names of their nodes."""

import pytest

from daemonset_course.verbs.own_agent import whose


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "nobody"),
        (["a"], "its node's"),
        (["a", "a"], "its node's"),
        (["b", "c"], "another node's"),
        (["a", "b"], "both"),
    ],
)
def test_the_nodes_of_the_answers_say_whose_agents_they_are(answers: list[str], said: str) -> None:
    assert whose(answers, "a") == said
