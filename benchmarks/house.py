"""Measures the structure of the code: sizes, files with one importer, class names, import cycles, house words.

    python benchmarks/house.py [--json] [--list MEASURE]

Reads the files of this checkout and runs nothing. CONTRIBUTING.md lists the targets.
"""

import argparse
import ast
import json
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
CODE = ("shared/spar", "services")
PROSE = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs", "deploy", "benchmarks", *CODE)
SMALL = 60
"""Lines of a file below which a single importer could hold it."""
LONG = 12
"""Lines of a public function above which it needs a docstring."""
TERMINAL = re.compile(r"\b(typer|rich|spar\.cli\.(console|tables|options|progress|exits))\b")
HOUSE_WORDS = re.compile(r"\b(told|said|asked|parted|made again|goes on with|go on with|whoever)\b", re.IGNORECASE)


REGISTRY = re.compile(r"Mapping\[str, \w*Policy\]")


@dataclass(frozen=True, kw_only=True)
class Module:
    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--list", metavar="MEASURE", help="the places that a measure counts")
    args = parser.parse_args()
    modules = list(read_modules())
    places = find_places(modules)
    if args.list:
        print("\n".join(places[args.list]))
        return
    figures = {**sizes(modules), **{name: len(found) for name, found in places.items()}}
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:44} {value:>8,}")


def read_modules() -> Iterator[Module]:
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            base = ROOT / "shared" if folder.startswith("shared") else ROOT
            parts = path.relative_to(base).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield Module(path=path, name=name, text=text, tree=ast.parse(text))


def sizes(modules: Sequence[Module]) -> Mapping[str, int]:
    files = sorted(module.lines for module in modules if module.lines)
    functions = sorted(length(function) for module in modules for function, _ in functions_of(module.tree))
    found: dict[str, int] = {"files": len(files), "lines": sum(files)}
    for name, values in (("file", files), ("function", functions)):
        found[f"lines of the median {name}"] = int(statistics.median(values))
        found[f"lines of the {name} at the 90th percentile"] = int(statistics.quantiles(values, n=10)[-1])
        found[f"lines of the largest {name}"] = values[-1]
    return found


def find_places(modules: Sequence[Module]) -> Mapping[str, Sequence[str]]:
    """What each measure counts, one place a line."""
    sys.path[:0] = [str(ROOT / "shared"), str(ROOT)]  # this checkout, not one that is installed
    graph = grimp.build_graph("spar", "services", cache_dir=None)
    return {
        "files over 400 lines": [module.place for module in modules if module.lines > 400],
        f"files under {SMALL} lines with one importer": list(single_importer(modules, graph)),
        "class names met twice": list(names_met_twice(modules)),
        "import circles": list(circles(modules, graph)),
        "lines of cli/ in files without a terminal": list(terminal_free(modules)),
        "files naming llmbar outside its own": list(naming_llmbar(modules)),
        f"public functions over {LONG} lines without docstring": list(undocumented(modules)),
        "house words": list(house_words()),
    }


def single_importer(modules: Sequence[Module], graph: grimp.ImportGraph) -> Iterator[str]:
    """Small files that their one importer could hold, but not policies: those stand one a file, beside their registry.

    A policy is a module whose only importer is its own package, where a table `NAME: Mapping[str, ...Policy]` has it.
    """
    registries = {module.name for module in modules if is_registry(module)}
    for module in modules:
        if module.path.name == "__init__.py" or module.lines >= SMALL:
            continue
        importers = graph.find_modules_that_directly_import(module.name)
        others = {name for name in importers if not name.startswith("spar.testing")}
        if len(others) == 1 and not others & registries & {module.name.rpartition(".")[0]}:
            yield f"{module.place} ({module.lines}, {next(iter(others))})"


def is_registry(module: Module) -> bool:
    """Whether a package holds a table of its policies by name."""
    return module.path.name == "__init__.py" and any(
        isinstance(node, ast.AnnAssign) and REGISTRY.fullmatch(ast.unparse(node.annotation))
        for node in module.tree.body
    )


def names_met_twice(modules: Sequence[Module]) -> Iterator[str]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and ".testing" not in module.name:
                places[node.name].append(f"{module.place}:{node.lineno}")
    for name, found in sorted(places.items()):
        if len(found) > 1:
            yield f"{name}: {', '.join(found)}"


def circles(modules: Sequence[Module], graph: grimp.ImportGraph) -> Iterator[str]:
    """Groups of files that import each other in a loop (Tarjan's strongly connected components, iterated by reach)."""
    names = {module.name for module in modules if module.path.name != "__init__.py"}
    below = {name: graph.find_modules_directly_imported_by(name) & names for name in names}
    reach = {name: _reachable(name, below) for name in names}
    seen: set[str] = set()
    for name in sorted(names):
        loop = sorted(other for other in reach[name] if name in reach[other])
        if name in loop and name not in seen:
            seen.update(loop)
            yield " <-> ".join(loop)


def _reachable(name: str, below: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(below[name])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(below[each])
    return found


def terminal_free(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        if module.name.startswith("spar.cli.") and not TERMINAL.search(module.text):
            yield from (f"{module.place}:{number}" for number in range(1, module.lines + 1))


def naming_llmbar(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        if re.search(r"llmbar", module.text, re.IGNORECASE) and "llmbar" not in module.place:
            yield module.place


def undocumented(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        for function, public in functions_of(module.tree):
            if public and length(function) > LONG and ast.get_docstring(function) is None:
                yield f"{module.place}:{function.lineno} {function.name}"


def house_words() -> Iterator[str]:
    counts: Counter[str] = Counter()
    for each in PROSE:
        path = ROOT / each
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            if file.suffix in {".py", ".md", ".yml", ".yaml", ".jinja", ".js", ".sh"} and file != Path(__file__):
                for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                    for word in HOUSE_WORDS.findall(line):
                        counts[word.lower()] += 1
                        yield f"{file.relative_to(ROOT)}:{number} {word}: {line.strip()[:100]}"


def functions_of(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Each function and method with whether it is public: neither it nor its class starts with an underscore."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, not node.name.startswith("_")


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


if __name__ == "__main__":
    main()
