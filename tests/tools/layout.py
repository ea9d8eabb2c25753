"""How the product's modules hang together, read from their source: late imports, rings, mixed classes, HTML where none belongs.

`python -m tests.tools.layout` rewrites tests/project/layout-debt.txt: what still breaks a rule, one line each. It refuses where there is
more of it than before.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.tools.words import APPS, ROOT

DEBT = ROOT / "tests/project/layout-debt.txt"
# Rooms of rules and facts: what a page or a mail looks like is not theirs.
WITHOUT_HTML = ("accounts", "macros", "tokens")
HTML = re.compile(
    r"django\.(template|shortcuts|utils\.html|utils\.safestring|contrib\.admin|contrib\.messages)\b|unfold\b"
)
NO_HTML = {"django.contrib.admin.models"}  # the log of what staff did: rows
Trees = Mapping[str, ast.Module]


class Import(NamedTuple):
    """One name that a module imports. `how`: "" at the top, "lazy" within a function, "type-only" for annotations."""

    module: str
    target: str  # one of our modules where it is one, else as it is written
    line: int
    how: str


def trees() -> dict[str, ast.Module]:
    """Return the product's modules by their dotted names, without migrations."""
    found = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not {"migrations", "static", "node_modules"} & set(parts):
                found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what a tree holds but for expressions, which are most of it."""
    waiting = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if not isinstance(node, ast.expr | ast.arguments):
                yield node
                waiting.append(node)


def imports(modules: Trees) -> list[Import]:
    """Return what all modules import, wherever it stands."""
    return [one for name, tree in modules.items() for one in _imports(tree, name, "", modules)]


def _imports(node: ast.AST, module: str, how: str, modules: Trees) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield Import(module, whole if whole in modules else child.module, child.lineno, how)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(module, alias.name, child.lineno, how)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _imports(child, module, "lazy", modules)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            yield from _imports(child, module, "type-only", modules)
        elif not isinstance(child, ast.expr | ast.arguments):
            yield from _imports(child, module, how, modules)


def lazy(modules: Trees) -> set[str]:
    """Return imports within functions. What an app does when it starts (`ready` in apps.py) needs the others to be loaded."""
    found = (one for one in imports(modules) if one.how == "lazy")
    return {f"{one.module} imports {one.target}" for one in found if not one.module.endswith(".apps")}


def rings(modules: Trees) -> set[str]:
    """Return the groups of modules of which each needs every other one, lazy and type-only imports counted."""
    graph: dict[str, set[str]] = defaultdict(set)
    for one in imports(modules):
        if one.target in modules and one.target != one.module:
            graph[one.module].add(one.target)
    reach = {name: _reached(name, graph) for name in graph}
    return {
        ", ".join(sorted({name} | {other for other in reached if name in reach.get(other, ())}))
        for name, reached in reach.items()
        if name in reached
    }


def _reached(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += graph.get(one, ())
    return found


def mixed(modules: Trees) -> set[str]:
    """Return classes with two of our own bases: a page or a rule that is put together from halves."""
    found = set()
    for module, tree in modules.items():
        nodes = list(statements(tree))
        ours = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in APPS:
                ours |= {alias.asname or alias.name for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                bases = [_first_name(base) for base in node.bases]
                if sum(base in ours for base in bases) > 1:
                    found.add(f"{module}.{node.name}({', '.join(bases)})")
    return found


def _first_name(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def html(modules: Trees) -> set[str]:
    """Return what the rooms without HTML import to make some."""
    return {
        f"{one.module} imports {one.target}"
        for one in imports(modules)
        if one.module.split(".")[0] in WITHOUT_HTML and HTML.match(one.target) and one.target not in NO_HTML
    }


def silent(modules: Trees) -> set[str]:
    """Return public functions that raise by themselves and whose docstring tells neither that they raise nor what."""
    found = set()
    for module, tree in modules.items():
        for node in statements(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                told, raised = ast.get_docstring(node) or "", set(_raised(node))
                says = re.search(r"[Rr]ais|[Rr]efus|403|404", told) or any(name in told for name in raised)
                if told and raised and not says:
                    found.add(f"{module}.{node.name} raises {', '.join(sorted(raised))}")
    return found


def _raised(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield raised.attr if isinstance(raised, ast.Attribute) else getattr(raised, "id", "?")
        waiting += ast.iter_child_nodes(node)


_MEASURED = re.compile(
    r"(^|_)(timeout|limit|age|size|delay|wait|interval|lifetime|expires_in|after|every|within|ttl)($|_)"
)
_UNIT = re.compile(r"second|minute|hour|day|millis|byte|character|row|line|number of|at most|newest")
_NUMBER = re.compile(r"(int|float)( \| (int|float|None))*")


def unmeasured(modules: Trees) -> set[str]:
    """Return public functions that take or give a time, a size or a limit as a bare number and tell its unit in neither name nor docstring.

    A method has the unit that its base tells, which is found by its name.
    """
    told: dict[ast.FunctionDef | ast.AsyncFunctionDef, str] = {
        node: ast.get_docstring(node) or ""
        for tree in modules.values()
        for node in statements(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
    }
    of_bases = {
        (node.name, name) for node, text in told.items() for name in _numbers(node) if _UNIT.search(text)
    }
    return {
        f"{module}.{node.name} tells no unit of {name}"
        for module, tree in modules.items()
        for node in statements(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and told.get(node)
        for name in _numbers(node)
        if not _UNIT.search(told[node] + name) and (node.name, name) not in of_bases
    }


def unsourced(modules: Trees, source: Callable[[str], list[str]] | None = None) -> set[str]:
    """Return facts of channels' packages without a source: no https address in five lines for what it calls so, no comment at a number.

    A number without a comment is either the channel's, and says where that is written, or AdToken's, and says what it is for.
    """
    found = set()
    for module, tree in modules.items():
        if not re.match(r"tokens\.channels\.\w+\.\w+$", module):
            continue
        lines = (source or _source)(module)
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                near = "\n".join(lines[max(0, node.lineno - 6) : (node.end_lineno or 0) + 5])
                above, here = lines[max(0, node.lineno - 2)], lines[node.lineno - 1]
                is_number = isinstance(node.value, ast.Constant) and type(node.value.value) in {int, float}
                if (is_number and "#" not in here and not above.startswith("#")) or (
                    _is_fact(node.value) and "https://" not in near
                ):
                    found.add(f"{module}: {here.split(' = ')[0]}")
    return found


def _source(module: str) -> list[str]:
    return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8").splitlines()


def _is_fact(value: ast.expr) -> bool:
    """Return whether it is a lifetime or a renewal: what a channel promises."""
    return isinstance(value, ast.Call) and _first_name(value.func) in {"Lifetime", "Renewal"}


def _numbers(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the parameters, or the function's own name for its result, that are numbers of something measured."""
    taken = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = [(one.arg, one.annotation) for one in taken] + [(function.name, function.returns)]
    for name, annotation in named:
        if annotation and _NUMBER.fullmatch(ast.unparse(annotation)) and _MEASURED.search(name):
            yield name


RULES = {
    "lazy": lazy,
    "ring": rings,
    "mixed": mixed,
    "html": html,
    "silent": silent,
    "unit": unmeasured,
    "source": unsourced,
}


def debt() -> set[str]:
    """Return what may still break a rule."""
    lines = DEBT.read_text(encoding="utf-8").splitlines() if DEBT.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def broken() -> set[str]:
    """Return what breaks a rule, each line with its rule's name."""
    modules = trees()
    return {f"{name}: {one}" for name, rule in RULES.items() for one in rule(modules)}


def main() -> int:
    """Rewrite the debt; return the exit status."""
    now, before = broken(), debt()
    if before and len(now) > len(before):
        sys.stderr.write("More breaks a rule than before:\n" + "\n".join(sorted(now - before)) + "\n")
        return 1
    head = "# What breaks a rule of tests/project/test_layout.py; a line may go. Written by: .venv/bin/python -m tests.tools.layout"
    DEBT.write_text("\n".join([head, *sorted(now), ""]), encoding="utf-8")
    sys.stdout.write(f"{len(now)} lines, {len(before)} before.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
