"""The C++ and protobuf targets of BUILD files.

BUILD and .bzl files are also valid Python. This module executes them with functions in place of Bazel's rules.
"""

import types
from dataclasses import dataclass

RECORDED = ("cc_binary", "cc_library", "cc_proto_library", "cc_test", "proto_library")
IGNORED = ("alias", "exports_files", "filegroup", "genrule", "package", "package_group", "sh_binary", "sh_test")


@dataclass
class Target:
    """Labels are absolute, with folder and name; files are paths from the root of the tree."""

    label: str
    rule: str
    srcs: list[str]
    hdrs: list[str]
    deps: list[str]


def folder_of(label):
    return label.partition(":")[0]


def absolute(label, folder):
    if label.startswith(":"):
        return f"//{folder}{label}"
    if ":" in label or label.startswith("@"):
        return label
    return f"{label}:{label.rpartition('/')[2]}"


class Reader:
    """Executes the BUILD file of one folder and adds its targets to a dictionary."""

    def __init__(self, root, folder, targets):
        self.root = root
        self.folder = folder
        self.targets = targets

    def run(self, path):
        """The global names that a BUILD or .bzl file defines."""
        rules = dict.fromkeys(IGNORED, lambda *args, **attributes: None)
        rules |= {rule: self.recorder(rule) for rule in RECORDED}
        scope = {**rules, "native": types.SimpleNamespace(**rules)}
        scope["glob"] = lambda patterns: []  # Sources and headers are listed by name.
        scope["load"] = lambda label, *names: scope.update(self.load(label, names))
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
        return scope

    def load(self, label, names):
        defined = self.run(self.root / absolute(label, self.folder)[2:].replace(":", "/"))
        return {name: defined[name] for name in names}

    def recorder(self, rule):
        def record(name, srcs=(), hdrs=(), deps=(), **_):
            label = f"//{self.folder}:{name}"
            self.targets[label] = Target(
                label,
                rule,
                [f"{self.folder}/{file}" for file in srcs],
                [f"{self.folder}/{file}" for file in hdrs],
                [absolute(dep, self.folder) for dep in deps],
            )

        return record


def load(root, folders):
    """The targets in and below these folders, by label."""
    targets = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("BUILD.bazel")):
            Reader(root, str(path.parent.relative_to(root)), targets).run(path)
    return targets
