"""One HTML file from the template, the styles, the JavaScript modules and the contents.

The modules of js/ run in browsers as they are; here each becomes a function that returns what it
exports, so that one script can hold them all. Their text is not shortened: a page shows its source.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

FOLDER = Path(__file__).parent
MAIN = "view/main.js"
STYLES = ("base", "watch", "lab", "breaking", "training", "readers")
IMPORT = re.compile(r"^import \{([^}]*)\} from '([^']+)';\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def assemble(contents: dict[str, Any]) -> str:
    """The page for what ``collect`` has found."""
    parts = {
        "TITLE": _as_html(contents["title"]),
        "FACTS": _as_html(contents["facts"]),
        "STYLE": "\n".join(_read(f"css/{name}.css") for name in STYLES),
        "CONTENTS": _as_script_text(json.dumps(contents, allow_nan=False)),
        "SCRIPT": join_modules(),
    }
    return re.sub(r"@([A-Z]+)@", lambda found: parts[found[1]], _read("template.html"))


def join_modules() -> str:
    """The modules that main.js needs, each after those that it imports."""
    joined: dict[str, str] = {}

    def add(name: str) -> None:
        text = _read(f"js/{name}")
        for found in IMPORT.finditer(text):
            needed = _resolve(name, found[2])
            if needed not in joined:
                add(needed)
        joined[name] = _as_function(name, text)

    add(MAIN)
    return "const modules = {};\n" + "\n".join(joined.values())


def _as_function(name: str, text: str) -> str:
    """A module as a function, called once, that returns its exports."""
    exports = [found[1] for found in EXPORT.finditer(text)]
    text = IMPORT.sub(lambda found: _as_constants(found[1], _resolve(name, found[2])), text)
    text = EXPORT.sub("", text)
    return (
        f"// ---- {name}\nmodules['{name}'] = (() => {{\n{text}"
        f"return {{ {', '.join(exports)} }};\n}})();\n"
    )


def _as_constants(names: str, module: str) -> str:
    return f"const {{{names.replace(' as ', ': ')}}} = modules['{module}'];\n"


def _resolve(name: str, target: str) -> str:
    """The name of the module that another one imports as './x.js' or '../network/x.js'."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / target).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _as_html(text: str) -> str:
    """A text; what is no character, as in the name of a folder that is not UTF-8, by its number."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _as_script_text(text: str) -> str:
    """JSON that can stand in a script element: it never ends the element."""
    return text.replace("<", "\\u003c")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
