from daemonset_course import proved


def test_the_line_is_text_and_escaped_html():
    line = proved("a < b")

    assert str(line) == repr(line) == "Proved: a < b"
    assert "Proved: a &lt; b" in line._repr_html_()
