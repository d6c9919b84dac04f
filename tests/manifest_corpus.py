"""Manifests of every kind that kubectl reads or refuses, for ``test_apply_like_kubectl``.

Most are the data of a ControllerRevision, which the API server stores as they are: so equal objects
mean that a value was read and sent alike.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A manifest."""

    name: str
    content: bytes


def stored(data: str, name: str = "read") -> str:
    """A ControllerRevision with this YAML below ``data:``."""
    lines = "".join(f"  {line}\n" for line in data.split("\n"))
    head = f"apiVersion: apps/v1\nkind: ControllerRevision\nmetadata:\n  name: {name}\n"
    return f"{head}revision: 1\ndata:\n{lines}"


def config(data: str = "data: {a: b}", name: str = "read", more: str = "") -> str:
    """A ConfigMap with these lines."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{more}}}\n{data}\n"


def daemonset(spec: str = "", pod: str = "", name: str = "read") -> str:
    """A DaemonSet in flow style."""
    return (
        f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: {name}}}\n"
        f"spec: {{selector: {{matchLabels: {{app: a}}}}, {spec}template: {{metadata: {{labels: "
        f"{{app: a}}}}, spec: {{{pod}containers: [{{name: a, image: example/a:1}}]}}}}}}\n"
    )


# Scalars, one a line: each becomes an item of one list.
SCALARS = r"""
12:30
1:2:3.5
yes
no
On
OFF
y
n
=
0o17
017
08
0x1f
0X1F
0b11
-0b11
1_000
1__0
_1
1e3
1.0
1.
.5
.
1e999
1e-7
1e20
1e21
123456.789
-0
+1
9007199254740993
9223372036854775807
9223372036854775808
18446744073709551615
18446744073709551616
100000000000000000000000
~
null
nULL
tRue
.Nan
Infinity
2024-05-01
2024-05-01T10:00:00Z
2024-05-01 10:00:00.5
2024-13-01
2001-99-99
!!str 12
!!str yes
!!int "3"
!!float 1
!!bool yes
!!null ~
!!binary aGk=
!!binary /w==
!!timestamp 2001-01-01
!!set {a}
!!omap [a: 1]
!own text
"12"
'it''s'
"\u00e9 \x41 \U0001F433"
"🐳"
🐳 é 中
"a\
  b"
{a, b: 1}
[a, [b]]
a#b
1,000
"<&>"
"\u2028 \u2029"
""".strip("\n").split("\n")
JOINED = "\n".join(SCALARS).replace('"a\\\n  b"', '"ab"').split("\n")

_DEEP = "[" * 120 + "]" * 120
_BOMB = "a0: &a0 [x]\n" + "\n".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)
)
_LIST = "apiVersion: v1\nkind: List\nitems:\n"
_ITEM = "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: %s}\n"
_JSON = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s"}}'
_REVISION = (
    '{"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "read"}, '
    '"revision": %s, "data": {"a": %s}}'
)
_CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: reads.example.com}
spec:
  group: example.com
  names: {kind: Read, plural: reads}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
"""

YAML = {
    "scalars": stored("list:\n" + "\n".join(f"- {one}" for one in JOINED)),
    "keys": stored("1: a\n1.5: b\n1e3: c\n1234567.5: d\nyes: e\n0x10: f\n2024-05-01: g\n? h\n: i"),
    "a null key": stored("~: a"),
    "a list as a key": stored("? [a]\n: b"),
    "duplicate keys": stored("a: 1\na: 2"),
    "a duplicate label": config(more=", labels: {a: b, a: c}"),
    "nan": stored("a: .nan"),
    "inf": stored("a: -.inf"),
    "a tag that does not fit": stored("a: !!int text"),
    "a bool that is none": stored("a: !!bool maybe"),
    "binary that is none": stored("a: !!binary '*'"),
    "anchors": stored("a: &x {b: [1]}\nc: *x\nd: *x"),
    "a merge": stored("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\ne: {b: 3, <<: *x}"),
    "a merge of several": stored("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}"),
    "a merge of a text": stored("<<: text"),
    "a quoted merge": stored('"<<": text'),
    "an unknown alias": stored("a: *x"),
    "an alias in itself": stored("a: &x [*x]"),
    "an alias bomb": stored(_BOMB),
    "tabs to indent": stored("a:\n\tb: 1"),
    "tabs between": stored("a:\t1"),
    "block scalars": stored(
        "a: |\n  x\n  y\n\nb: |-\n  x\n\nc: |+\n  x\n\nd: >\n  x\n  y\n\n  z\n"
        "e: >-\n  x\n   y\nf: >+\n  x\n\ng: |2\n    x\nh: end"
    ),
    "a block scalar to the end": stored("a: |+\n  x\n\n").rstrip("\n") + "\n\n\n",
    "no line break at the end": stored("a: |\n  x").rstrip("\n"),
    "a pair of surrogates": stored(r'a: "\ud83d\ude00"'),
    "a lone surrogate": stored(r'a: "\ud83d"'),
    "NEL, LS, PS": stored("a: x\x85b: y\u2028c: z\u2029d: w"),
    "NEL in quotes": stored(r'a: "x\N y"'),
    "DEL in quotes": stored(r'a: "x\x7f y"'),
    "NUL in quotes": stored(r'a: "x\0 y"'),
    "a bell in quotes": stored(r'a: "\a"'),
    "NUL": stored("a: x\0y"),
    "CRLF": stored("a: |\n  x\n  y\nb: 1").replace("\n", "\r\n"),
    "CR": config().replace("\n", "\r"),
    "nothing": "",
    "comments": "# a\n\n# b\n",
    "separators": "---\n---\n",
    "documents": f"{config()}---\n---\n# a\n--- # b\n{config(name='read-2')}---\n",
    "a separator with text": f"--- {config()}",
    "an end mark": f"{config()}...\n",
    "behind an end mark": f"{config()}...\n}}}} @ \n",
    "documents behind end marks": f"{config()}...\n---\n{config(name='read-2')}...\n",
    "a directive": f"%YAML 1.1\n---\n{config()}",
    "garbage": f"{config()}]\n",
    "a colon too many": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: a: b\n",
    "120 levels": stored(f"a: {_DEEP}"),
    "a list": "- a\n- b\n",
    "a text": "just words\n",
    "a number": "5\n",
    "a large file": "---\n".join(
        config(f"data: {{a: {'x' * 60_000}}}", name=f"read-{i}") for i in range(12)
    ),
}  # fmt: skip
JSON = {
    "an object": _JSON % "read",
    "a trailing comma": _JSON[:-1] % "read" + ",}",
    "an unquoted key": _JSON.replace('"kind"', "kind") % "read",
    "objects in lines": "\n".join(_JSON % f"read-{i}" for i in range(3)),
    "objects side by side": _JSON % "read" + _JSON % "read-2",
    "JSON, then YAML": _JSON % "read" + "\n---\n" + config(name="read-2"),
    "two of JSON, then YAML": _JSON % "read" + _JSON % "read-2" + "\n---\n" + config(name="read-3"),
    "garbage behind JSON": _JSON % "read" + " x",
    "JSON cut off": _JSON[:-2] % "read",
    "2^53+1": _REVISION % (1, 9007199254740993),
    "2^64": _REVISION % (1, 2**64),
    "1.0 for an integer": _REVISION % ("1.0", 1),
    "1e2 for an integer": _REVISION % ("1e2", 1),
    "1.5 for an integer": _REVISION % ("1.5", 1),
    "a text for an integer": _REVISION % ('"1"', 1),
    "1e999 in JSON": _REVISION % (1, "1e999"),
    "NaN in JSON": _REVISION % (1, "NaN"),
    "surrogates in JSON": _REVISION % (1, r'"\ud83d\ude00 \ud83d x"'),
    "a duplicate key in JSON": _REVISION % (1, '1, "a": 2'),
    "a JSON list": f"[{_JSON % 'read'}]",
}
OBJECTS = {
    "a list": _LIST + _ITEM % "read" + _ITEM % "read-2",
    "an empty list": "apiVersion: v1\nkind: List\nitems: []\n",
    "a list of null": "apiVersion: v1\nkind: List\nitems: [null]\n",
    "a list in a list": _LIST + "- apiVersion: v1\n  kind: List\n  items: [{apiVersion: v1, kind: "
    "ConfigMap, metadata: {name: read}}]\n",
    "a typed list": "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: read}}]\n",
    "a list of texts": _LIST + "- text\n",
    "an unknown version": config().replace("v1", "v9"),
    "an unknown group": daemonset().replace("apps/v1", "example.org/v1"),
    "a group without a version": daemonset().replace("apps/v1", "apps"),
    "an unknown kind": daemonset().replace("DaemonSet", "DaemonSett"),
    "a kind in small letters": daemonset().replace("DaemonSet", "daemonset"),
    "no kind": config().replace("kind: ConfigMap\n", ""),
    "no apiVersion": config().replace("apiVersion: v1\n", ""),
    "a number as kind": config().replace("ConfigMap", "5"),
    "no metadata": "apiVersion: v1\nkind: ConfigMap\n",
    "no name": "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n",
    "a number as name": config(name="5"),
    "generateName": config().replace("name: read", "generateName: read-"),
    "metadata of text": config().replace("{name: read}", "read"),
    "a number as label": config(more=", labels: {a: 5}"),
    "null as label": config(more=", labels: {a: null}"),
    "an empty namespace": config(more=", namespace: ''"),
    "a namespace that is not there": config(more=", namespace: nowhere"),
    "a namespace after its object": config(more=", namespace: read-later")
    + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: read-later}\n",
    "a namespace for a node": "apiVersion: v1\nkind: Node\nmetadata: {name: read, namespace: a}\n",
    "an unknown field": daemonset("minReadySecond: 5, "),
    "an unknown field of the object": config("dat: {a: b}"),
    "a text for a number": daemonset("minReadySeconds: '5', "),
    "a number for a text": config("data: {a: 5}"),
    "time of day as data": config("data: {at: 12:30, op: =, day: 2024-05-01T10:00:00Z}"),
    "an emoji as data": config('data: {note: "🐳"}'),
    "1e0 for a number": daemonset("minReadySeconds: 1e0, "),
    "octal for a number": daemonset("minReadySeconds: 0o17, "),
    "a selector that does not match": daemonset().replace("labels: {app: a}", "labels: {app: b}"),
    "no selector": daemonset().replace("selector: {matchLabels: {app: a}}, ", ""),
    "quantities": daemonset().replace(
        "image: example/a:1",
        "image: example/a:1, resources: {requests: {cpu: 1e-1, memory: 0x10, ephemeral-storage: "
        "1.5Gi}}",
    ),
    "a quantity that is none": daemonset().replace(
        "image: example/a:1", "image: example/a:1, resources: {requests: {cpu: 1 core}}"
    ),
    "a name of 253 characters": config(name="a" * 253),
    "a name of 254 characters": config(name="a" * 254),
    "a name with a slash": config(name="a/b"),
    "a name in capitals": config(name="Read"),
    "a name of dots": config(name="'..'"),
    "status": daemonset() + "status: {numberReady: 5}\n",
    "managedFields": config(more=", managedFields: [{manager: a}]"),
    "a resourceVersion": config(more=", resourceVersion: '1'"),
    "a uid": config(more=", uid: 11111111-1111-1111-1111-111111111111"),
    "too large an object": config(f"data: {{a: {'x' * 1_600_000}}}"),
    "a Kustomization": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    "metadata: {name: a}\n",
    "a definition": _CRD,
    "a definition and its object": f"{_CRD}---\napiVersion: example.com/v1\nkind: Read\n"
    "metadata: {name: a}\n",
    "one of three is refused": config() + "---\n" + config(more=", namespace: nowhere")
    + "---\n" + config(name="read-2"),
}  # fmt: skip
WIDE = config('data: {note: "é 中 🐳"}')
BYTES = {
    "UTF-8 with BOM": b"\xef\xbb\xbf" + WIDE.encode(),
    "UTF-16LE": b"\xff\xfe" + WIDE.encode("utf-16-le"),
    "UTF-16BE": b"\xfe\xff" + WIDE.encode("utf-16-be"),
    "UTF-16 without BOM": WIDE.encode("utf-16-le"),
    "UTF-32": b"\xff\xfe\0\0" + WIDE.encode("utf-32-le"),
    "Latin-1": config("data: {note: é}").encode("latin-1"),
    "a program": b"\x7fELF\x02\x01\x01" + bytes(range(256)),
    "JSON in UTF-16": b"\xff\xfe" + (_JSON % "read").encode("utf-16-le"),
}
CASES = [
    *(Case(name, text.encode("utf-8", "surrogatepass")) for name, text in YAML.items()),
    *(Case(f"JSON: {name}", text.encode()) for name, text in JSON.items()),
    *(Case(f"object: {name}", text.encode()) for name, text in OBJECTS.items()),
    *(Case(f"bytes: {name}", content) for name, content in BYTES.items()),
]
