"""Targets list the libraries whose headers they include, and depend only on targets that docs/architecture.md allows."""

import pathlib
import re
import unittest
from collections import defaultdict

import build_files

ROOT = pathlib.Path(__file__).resolve().parents[2]  # of the sources, also when this file is a link in the runfiles
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
TABLE = "| folder or target | may depend on |"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|$", re.MULTILINE)


def read_table():
    """The allowed dependencies of each folder or target."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = ROW.findall(text.partition(TABLE)[2].partition("\n\n")[0])
    return {name: [] if allowed == "none" else allowed.split(", ") for name, allowed in rows}


def libraries_by_header(targets):
    libraries = defaultdict(set)
    for target in targets.values():
        headers = target.hdrs
        if target.rule == "cc_proto_library":
            protos = [file for dep in target.deps for file in targets[dep].srcs]
            headers = [file.removesuffix(".proto") + ".pb.h" for file in protos]
        for header in headers:
            libraries[header].add(target.label)
    return libraries


def name_in_table(label):
    """A label as the table writes targets, e.g. codec:demux and filters/*:opus."""
    name = label.removeprefix("//").removeprefix("source/")
    return re.sub("^filters/[^:]*", "filters/*", name)


class Layering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.targets = build_files.load(ROOT, ("api", "examples/position_feed", "filters", "source", "test"))
        cls.table = read_table()

    def row(self, label):
        """The table's row for a target: its own, else its folder's."""
        target = name_in_table(label)
        return target if target in self.table else target.partition(":")[0]

    def allows(self, target, dep):
        if build_files.folder_of(dep) == build_files.folder_of(target.label):
            return True
        allowed = self.table.get(self.row(target.label), [])
        return self.row(dep) in allowed or name_in_table(dep) in allowed

    def expect_none(self, errors):
        if errors:
            self.fail("\n" + "\n".join(sorted(errors)))

    def test_every_included_library_is_in_deps(self):
        libraries = libraries_by_header(self.targets)
        errors = set()
        for target in self.targets.values():
            files = target.srcs + target.hdrs
            for file in files:
                if not file.endswith((".cc", ".h", ".c")):
                    continue
                for header in INCLUDE.findall((ROOT / file).read_text(encoding="utf-8")):
                    if header in files or libraries[header] & set(target.deps):
                        continue
                    missing = " or ".join(sorted(libraries[header])) or "a library with this header in hdrs"
                    errors.add(f'{file} includes "{header}": add {missing} to the deps of {target.label}')
        self.expect_none(errors)

    def test_every_dependency_is_in_the_table(self):
        self.expect_none(
            [
                f"{target.label} depends on {dep}: docs/architecture.md does not allow it for `{self.row(target.label)}`"
                for target in self.targets.values()
                if not target.label.startswith("//test/")
                for dep in target.deps
                if dep.startswith("//") and not self.allows(target, dep)
            ]
        )

    def test_each_row_names_only_folders_above_it(self):
        above = set()
        errors = []
        for name, allowed in self.table.items():
            above.add(name.partition(":")[0])
            errors += [f"`{name}` may depend on {other}" for other in allowed if other.partition(":")[0] not in above]
        self.expect_none(errors)


if __name__ == "__main__":
    unittest.main()
