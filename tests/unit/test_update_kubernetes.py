from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import e2e_binary
import update_kubernetes
import version_places as places
import version_table
from daemonset_course.errors import BadInput, CommandFailed
from update_kubernetes import Module, arguments, check, texts_of, update
from version_table import TABLE, Release

ROOT = Path(__file__).parents[2]
PROGRAMS = ("kube-apiserver", "kube-scheduler", "kubectl")
LINUX, MAC = "linux/amd64", "darwin/arm64"
KUBERNETES = """module k8s.io/kubernetes

go 1.27.0

require k8s.io/api v0.0.0

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/kubelet => ./staging/src/k8s.io/kubelet
)
"""
CONSTANTS = """const (
\t// DefaultEtcdVersion indicates the default etcd version that kubeadm uses
\tDefaultEtcdVersion = "3.9.1-0"
)
"""


def digest(minor, letter="a"):
    return f"kindest/node:v{minor}.0@sha256:{letter * 64}"


def checksums(version, programs=PROGRAMS):
    """Checksums that differ by version and program."""
    patch = version[1:].replace(".", "")
    whole = {name: f"sha256:{number}{patch:0>63}" for number, name in enumerate(programs)}
    return {LINUX: whole, MAC: {"kubectl": f"sha256:9{patch:0>63}"}}


def release(version):
    return Release(version, checksums(version), (f"text {version}",))


def assets(*versions, without="", wrong=""):
    rows = [
        f"- name: {version}/bin/{platform}/{program}\n  sha256: {value.removeprefix('sha256:')}\n"
        for version in versions
        for platform, programs in checksums(version, (*PROGRAMS, "kubelet")).items()
        for program, value in programs.items()
        if f"{version}/{platform}/{program}" != without
    ]
    return f"files:\n{''.join(rows)}{wrong}"


HEAD = """# Pins.

[kubernetes]
version = "v1.36.3"
programs = ["kubectl"]

"""
REST = """[etcd]
version = "v3.6.10" # a comment

[kind]
version = "v0.33.0"

# Images.
[node-images]
"""


def table_text():
    own = "# read in two texts;\n# and in a third.\n"
    own += version_table._written(checksums("v1.36.3"), "kubernetes")
    others = "# The others.\n"
    for version in ("v1.35.1", "v1.34.3"):
        others += version_table._written_other(release(version))
    images = "".join(f'"{one}" = "{digest(one)}"\n' for one in ("1.36", "1.35", "1.34"))
    return HEAD + own + others + REST + images


@pytest.fixture
def repository(tmp_path):
    """A repository with the places that name the versions, and modules, at 1.34 to 1.36."""
    root = tmp_path / "repository"
    table = version_table.read(table_text())
    written = {
        TABLE: table_text(),
        "Makefile": '#   VERSIONS="1.34 1.35"  which\n\nVERSIONS ?= 1.34 1.35 1.36\nall:\n',
        "CONTRIBUTING.md": '`VERSIONS="1.34 1.35"` to choose\n',
        places.WORKFLOW: 2 * 'a:\n        kubernetes: ["1.34", "1.35", "1.36"]\n',
        "README.md": "each from 1.34 on; another from 1.34 on with `--kubernetes 1.35`\n",
        "pyproject.toml": '    "kubernetes>=36,<37", # the client\n',
    }
    for one in table.releases:
        folder = places.folder_of(one, table)
        module = places.named(places.go_module(KUBERNETES, one.version), folder)
        written[f"{folder}/go.mod"] = tidied(module)[0]
        written[f"{folder}/go.sum"] = f"sums of {one.version}\n"
    e2e = places.go_module(KUBERNETES, table.own.version, e2e_binary.PACKAGES)
    written[f"{places.E2E}/go.mod"] = tidied(places.named(e2e, places.E2E))[0]
    written[f"{places.E2E}/go.sum"] = f"sums of {table.own.version}\n"
    for path, text in written.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def tidied(module):
    version = re.search(r"^(?:require |\t)k8s.io/kubernetes (\S+)", module, re.MULTILINE)[1]
    return module.replace(
        f"require k8s.io/kubernetes {version}\n",
        f"require (\n\tk8s.io/kubernetes {version} // indirect\n)\n",
    ), f"sums of {version}\n"


@pytest.fixture
def get(tmp_path):
    """Go's cache: kops knows two patches of 1.37, kind's default is 1.37."""
    written = {
        "kops/pkg/assets/assetdata/k8s-1.37.yaml": assets("v1.37.0", "v1.37.10", "v1.37.9"),
        "kops/pkg/assets/assetdata/k8s-1.36.yaml": assets("v1.36.3", "v1.36.4"),
        "kubernetes/go.mod": KUBERNETES,
        "kubernetes/cmd/kubeadm/app/constants/constants.go": CONSTANTS,
        "kind/pkg/apis/config/defaults/image.go": f'const Image = "{digest("1.37", "b")}"\n',
    }
    for path, text in written.items():
        (tmp_path / "cache" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / path).write_text(text)

    def found(module, version):
        found.asked.append((module, version))
        return Module(tmp_path / "cache" / module.rpartition("/")[2], version)

    found.asked, found.cache = [], tmp_path / "cache"
    return found


def ran(repository, get, *words):
    done, left = update(repository, arguments(words), get, tidied)
    return done, "\n".join(left)


def pins(repository):
    return version_table.read((repository / TABLE).read_text())


def everything(root):
    return {str(one.relative_to(root)): one.read_text() for one in root.rglob("*") if one.is_file()}


def test_the_table_of_the_course_is_read_and_written_back_as_it_is():
    text = (ROOT / TABLE).read_text()
    table = version_table.read(text)
    assert version_table.write(table) == text
    assert table.minors == sorted(table.images, key=version_table.key)
    assert table.own.checksums[LINUX].keys() >= {*PROGRAMS}


def test_the_pins_of_the_course_agree():
    table = version_table.read((ROOT / TABLE).read_text())
    known = {one.version: one.checksums for one in table.releases}
    assert list(places.problems(table, known, table.images[table.own.minor], texts_of(ROOT))) == []


def test_a_minor_is_added_everywhere(repository, get):
    done, left = ran(repository, get, "1.37", "--kops", "v1.37.5")
    assert [one.split() for one in done] == [
        ["changed", TABLE],
        ["changed", "Makefile"],
        ["changed", places.WORKFLOW],
        ["added", "toolchain/kubernetes-1.37/go.mod"],
        ["added", "toolchain/kubernetes-1.37/go.sum"],
    ]
    table = pins(repository)
    assert (table.own.version, table.minors) == ("v1.36.3", ["1.34", "1.35", "1.36", "1.37"])
    assert table.find("1.37").checksums == checksums("v1.37.10")
    assert table.images["1.37"] == digest("1.37", "b")
    assert "\nVERSIONS ?= 1.34 1.35 1.36 1.37\n" in (repository / "Makefile").read_text()
    matrix = '        kubernetes: ["1.34", "1.35", "1.36", "1.37"]\n'
    assert (repository / places.WORKFLOW).read_text().count(matrix) == 2
    module = (repository / "toolchain/kubernetes-1.37/go.mod").read_text()
    assert module.startswith("module daemonset-course/toolchain/kubernetes-1.37\n\ngo 1.27.0\n")
    assert "replace k8s.io/kubelet => k8s.io/kubelet v0.37.10\n" in module
    assert "\tk8s.io/kubernetes/cmd/kube-apiserver\n" in module
    assert "etcd: kubeadm v1.37.10 starts v3.9.1" in left
    assert "make lock" not in left


def test_the_table_keeps_all_that_it_had(repository, get):
    before = (repository / TABLE).read_text()
    ran(repository, get, "1.37", "--kops", "v1.37.5")
    after = (repository / TABLE).read_text()
    source = "k8s.io/kops v1.37.5, pkg/assets/assetdata/k8s-1.37.yaml"
    head = f'[[kubernetes.other]]\nversion = "v1.37.10" # {source}\n\n'
    new = head + version_table._written(checksums("v1.37.10"), "kubernetes.other")
    image = f'"1.37" = "{digest("1.37", "b")}"\n'
    assert f"# The others.\n{new}[[kubernetes.other]]\n" in after
    assert f"[node-images]\n{image}" in after
    assert after.replace(new, "").replace(image, "") == before


def test_the_own_minor_changes_and_the_one_before_can_still_be_chosen(repository, get):
    own = (repository / "toolchain/kubernetes/go.mod").read_text()
    done, left = ran(repository, get, "1.37", "--own", "--drop", "1.34", "--patch", "1.37.9")
    table = pins(repository)
    assert (table.own.version, table.minors) == ("v1.37.9", ["1.35", "1.36", "1.37"])
    assert table.find("1.36").source == ("read in two texts;", "and in a third.")
    assert table.images == {
        "1.37": digest("1.37", "b"),
        "1.36": digest("1.36"),
        "1.35": digest("1.35"),
    }
    folder = repository / "toolchain"
    assert sorted(one.name for one in folder.iterdir()) == [
        "e2e",
        "kubernetes",
        "kubernetes-1.35",
        "kubernetes-1.36",
    ]
    assert "k8s.io/kubernetes v1.37.9" in (folder / "kubernetes/go.mod").read_text()
    tests = (folder / "e2e/go.mod").read_text()
    assert tests.startswith("module daemonset-course/toolchain/e2e\n\ngo 1.27.0\n")
    assert "tool (\n\tgithub.com/onsi/ginkgo/v2/ginkgo\n\tk8s.io/kubernetes/test/e2e\n)" in tests
    assert "k8s.io/kubernetes v1.37.9" in tests
    assert (folder / "kubernetes-1.36/go.mod").read_text() == own.replace(
        "toolchain/kubernetes\n", "toolchain/kubernetes-1.36\n", 1
    )
    assert (folder / "kubernetes-1.36/go.sum").read_text() == "sums of v1.36.3\n"
    assert '"kubernetes>=37,<38"' in (repository / "pyproject.toml").read_text()
    assert (repository / "README.md").read_text().count("from 1.35 on") == 2
    assert 'VERSIONS="1.35 1.36"' in (repository / "CONTRIBUTING.md").read_text()
    assert "removed  toolchain/kubernetes-1.34/go.mod" in done
    assert "make lock" in left
    assert "course record" in left


def test_a_minor_that_is_there_is_brought_to_another_patch(repository, get):
    done, _ = ran(repository, get, "1.36", "--kops", "v1.37.5")
    table = pins(repository)
    assert (table.own.version, table.minors) == ("v1.36.4", ["1.34", "1.35", "1.36"])
    assert table.images["1.36"] == digest("1.36")
    assert [one.split()[1] for one in done] == [
        TABLE,
        "toolchain/kubernetes/go.mod",
        "toolchain/kubernetes/go.sum",
        "toolchain/e2e/go.mod",
        "toolchain/e2e/go.sum",
    ]


def test_the_own_minor_can_be_dropped_once_another_one_is(repository, get):
    ran(repository, get, "1.37", "--own", "--drop", "1.36")
    assert pins(repository).minors == ["1.34", "1.35", "1.37"]
    assert not (repository / "toolchain/kubernetes-1.36").exists()


def test_a_minor_is_taken_away_without_any_source(repository):
    def refuses(*_):
        raise AssertionError("asked for a module")

    ran(repository, refuses, "--drop", "1.35")
    assert pins(repository).minors == ["1.34", "1.36"]
    assert "kubernetes-1.35" not in [one.name for one in (repository / "toolchain").iterdir()]
    assert "VERSIONS ?= 1.34 1.36\n" in (repository / "Makefile").read_text()


def test_a_second_run_changes_nothing(repository, get):
    ran(repository, get, "1.37", "--own")
    assert ran(repository, get, "1.37", "--own")[0] == []


def test_kops_may_be_a_folder(repository, get, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(get.cache / "kops" / update_kubernetes.ASSETS, copy)
    ran(repository, get, "1.37", "--kops", str(copy), "--at", "9b02081")
    assert pins(repository).find("1.37").source == (
        "kubernetes/kops, pkg/assets/assetdata/k8s-1.37.yaml at 9b02081",
    )
    assert [module for module, _ in get.asked] == ["sigs.k8s.io/kind", "k8s.io/kubernetes"]


MISSING = assets("v1.37.1", without=f"v1.37.1/{MAC}/kubectl")
OLDER = assets("v1.36.1")
SHORT = "- name: v1.37.1/bin/linux/amd64/kubectl\n  sha256: abc\n"


@pytest.mark.parametrize(
    ("words", "damage", "why"),
    [
        (["1.38"], {}, "No checksums are known for Kubernetes 1.38"),
        (["1.37", "--patch", "1.37.8"], {}, "v1.37.0, v1.37.9, v1.37.10"),
        (["1.36"], {"cache/kops/{assets}/k8s-1.36.yaml": OLDER}, "older than the pinned"),
        (["1.37"], {"cache/kops/{assets}/k8s-1.37.yaml": MISSING}, f"none of {MAC}/kubectl"),
        (["1.37"], {"cache/kops/{assets}/k8s-1.37.yaml": assets(wrong=SHORT)}, "checksum abc"),
        (["1.37"], {"cache/kops/{assets}/k8s-1.37.yaml": "- a"}, "cannot be read"),
        (["1.37", "--image", "kindest/node:v1.37.0"], {}, "No node image with a digest"),
        (["1.37", "--image", digest("1.36")], {}, "No node image with a digest"),
        (["1.37"], {"cache/kubernetes/go.mod": "module x\n"}, "no staging modules"),
        (["--drop", "1.36"], {}, "the course's own"),
        (["--drop", "1.33"], {}, "there are 1.34, 1.35, 1.36"),
        (["--drop", "1.34", "--drop", "1.35"], {}, "the only other minor"),
        (["1.37"], {f"repository/{TABLE}": table_text() + "x"}, "does not have the form"),
        (["1.37"], {f"repository/{TABLE}": table_text() + "[more]\n"}, "does not have the form"),
        (["1.37"], {"repository/Makefile": "VERSIONS ?= 1.36\n"}, "Makefile cannot be changed"),
        (["1.37"], {"repository/README.md": "from 1.34 on"}, "1 times, not 2"),
    ],
)
def test_what_cannot_be_done_changes_nothing(repository, get, tmp_path, words, damage, why):
    for path, text in damage.items():
        (tmp_path / path.format(assets=update_kubernetes.ASSETS)).write_text(text)
    before = everything(repository)
    with pytest.raises(BadInput) as caught:
        ran(repository, get, *words)
    assert why in str(caught.value)
    assert everything(repository) == before


def test_go_that_fails_changes_nothing(repository, get):
    def fails(_module):
        raise CommandFailed("go mod tidy failed.")

    before = everything(repository)
    with pytest.raises(CommandFailed):
        update(repository, arguments(["1.37"]), get, fails)
    assert everything(repository) == before


def test_a_disk_that_is_full_changes_nothing(repository, get, monkeypatch):
    whole = Path.write_text

    def half(path, text, **options):
        if path.name == "go.sum.new":
            raise OSError("No space left on device")
        return whole(path, text, **options)

    before = everything(repository)
    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="No space"):
        ran(repository, get, "1.37")
    assert everything(repository) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Neither a minor"),
        (["1.37.1"], "is no minor"),
        (["1.37", "--patch", "1.36.1"], "no patch of Kubernetes 1.37"),
        (["1.37", "--drop", "1.37"], "both added and dropped"),
        (["--drop", "1.34", "--own"], "are for a minor"),
    ],
)
def test_words_that_do_not_fit_together(words, why):
    with pytest.raises(BadInput, match=why):
        arguments(words)


def compared(repository, get):
    return check(repository, arguments(["--check", "--kops", "v1.37.5"]), get, tidied)


def test_check_finds_no_difference_and_says_what_it_did_not_compare(repository, get, capsys):
    assert compared(repository, get) == []
    assert "not compared: v1.34.3" in capsys.readouterr().out
    ran(repository, get, "1.37", "--own")
    assert compared(repository, get) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        (TABLE, "sha256:2", "sha256:7", f"v1.36.3 {LINUX} kubectl is sha256:7"),
        ("Makefile", "?= 1.34", "?=", "VERSIONS"),
        (places.WORKFLOW, '["1.34"', '["1.33"', "does not stand there 2 times"),
        ("pyproject.toml", "36", "35", '"kubernetes>=36,<37"'),
        ("toolchain/kubernetes/go.mod", "v1.36.3", "v1.36.2", "it is not for v1.36.3"),
        ("toolchain/e2e/go.mod", "v1.36.3", "v1.36.2", "it is not for v1.36.3"),
        ("toolchain/kubernetes-1.35/go.mod", "=> k8s.io/api v0.35.1", "=> k8s.io/api v0.35.2", ""),
        ("toolchain/kubernetes-1.35/go.mod", "go 1.27.0", "go 1.27.8", "such as +go 1.27.0"),
        ("toolchain/kubernetes/go.sum", "sums of", "sum of", "adds 1 lines and removes 1"),
        ("toolchain/kubernetes-1.34/go.sum", "sums of v1.34.3\n", "", "such as +sums of v1.34.3"),
        ("toolchain/kubernetes/go.sum", "sums", "one more\nsums", "such as -one more"),
    ],
)
def test_check_finds_a_difference(repository, get, path, old, new, why):
    text = (repository / path).read_text()
    (repository / path).write_text(text.replace(old, new, 1))
    found, *more = compared(repository, get)
    assert len(more) == (new == "v1.36.2"), "the sums of another version differ, too"
    assert found.startswith(f"{path}: ")
    assert why in found


def test_check_compares_the_image_with_the_default_of_kind(repository, get):
    image = get.cache / "kind/pkg/apis/config/defaults/image.go"
    image.write_text(f'const Image = "{digest("1.36", "c")}"\n')
    (found,) = compared(repository, get)
    assert digest("1.36", "c") in found


def test_check_compares_the_other_modules_of_the_toolchain(repository, get):
    module = "module daemonset-course/toolchain/kind\n\ngo 1.24\n\ntool sigs.k8s.io/kind\n\n"
    module += "require (\n\tsigs.k8s.io v0.1.0\n\tsigs.k8s.io/kind v0.33.0 // indirect\n)\n"
    (repository / "toolchain/kind").mkdir()
    (repository / "toolchain/kind/go.mod").write_text(module)
    (repository / "toolchain/kind/go.sum").write_text("sums of kind\n")
    (get.cache / "kind/go.mod").write_text("module sigs.k8s.io/kind\n\ngo 1.17\n")

    def tidy(text):
        return (text, "sums of kind\n") if "kind" in text else tidied(text)

    asked = arguments(["--check", "--kops", "v1.37.5"])
    assert check(repository, asked, get, tidy) == [], "1.24 is the first Go that knows tool"
    (get.cache / "kind/go.mod").write_text("module sigs.k8s.io/kind\n\ngo 1.26.0\n")
    (found,) = check(repository, asked, get, tidy)
    assert found.startswith("toolchain/kind/go.mod: ")
    assert "+go 1.26.0" in found
    assert ("sigs.k8s.io/kind", "v0.33.0") in get.asked


def test_an_update_leaves_the_other_modules_of_the_toolchain(repository, get):
    (repository / "toolchain/kind").mkdir()
    (repository / "toolchain/kind/go.mod").write_text("module daemonset-course/toolchain/kind\n")
    ran(repository, get, "1.37", "--own", "--drop", "1.34")
    left = (repository / "toolchain/kind/go.mod").read_text()
    assert left == "module daemonset-course/toolchain/kind\n"


def test_a_module_of_the_toolchain_without_its_program_is_an_error():
    with pytest.raises(BadInput, match="does not require"):
        places.released("module x\n\ngo 1.26\n\ntool a.io/b/cmd\n\nrequire a.io/c v1.0.0\n")


def test_check_of_which_nothing_was_compared_fails(repository, get):
    shutil.rmtree(get.cache / "kops")
    (found,) = compared(repository, get)
    assert "nothing was compared" in found


def test_what_still_names_a_version_that_has_changed():
    before = version_table.read(table_text())
    image = digest("1.37")
    after = version_table.with_release(before, release("v1.37.1"), image, own=True)
    words = re.compile("|".join(places.outdated(before, version_table.without(after, "1.34"))))
    for line in (
        "--kubernetes 1.34",
        "v1.34.3",
        "blob/v1.36.3/pkg",
        "client-go/blob/v0.36.3/x",
        "those of Kubernetes v1.36:",
    ):
        assert words.search(line), line
    for line in ("busybox:1.36", "v1.36.30", "1.340", "from 1.35 on"):
        assert not words.search(line), line


def test_mentions_are_lines_of_what_people_write(tmp_path):
    if not shutil.which("git"):
        pytest.skip("no git")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "one.py").write_text("# Seen with\n# 1.34.\n")
    (tmp_path / "other.txt").write_text("1.34\n")
    update_kubernetes.run(["git", "init", "-q"], timeout=30, cwd=str(tmp_path))
    update_kubernetes.run(["git", "add", "."], timeout=30, cwd=str(tmp_path))
    words = [r"1\.34([^0-9]|$)"]
    assert update_kubernetes.mentions(tmp_path, words) == ["src/one.py:2:# 1.34."]
    assert update_kubernetes.mentions(tmp_path, [r"1\.99"]) == []
    assert update_kubernetes.mentions(tmp_path, []) == []
