"""The project's macros as Python functions, rendered by dbt's own Jinja environment without parsing the project."""

import json
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
from dbt.context.base import get_context_modules
from dbt_common.clients.jinja import get_environment
from dbt_common.exceptions.macros import MacroReturn
from jinja2 import Template

from segmentation.files import read_yaml
from segmentation.home import PROJECT, duckdb_settings

PREFIX = "dbt_macro__"
ENVIRONMENT = get_environment(None, capture_macros=True)
VARIABLES = read_yaml(PROJECT / "dbt_project.yml")["vars"]


@cache
def template(text: str) -> Template:
    """A file of macros, compiled once for all tests of a process."""
    return ENVIRONMENT.from_string(text)


class Refused(Exception):
    """What raise_compiler_error raises here."""


class Macros:
    """Every macro below `folders` as an attribute; `context` is what they see of dbt, `engine` what they dispatch to."""

    def __init__(self, *folders: Path, engine: str = "duckdb"):
        self.connection = duckdb.connect(config=duckdb_settings())
        self.context = {
            "execute": True,
            "graph": {"nodes": {}},
            "project_name": "segmentation",
            "var": VARIABLES.__getitem__,
            "modules": get_context_modules(),
            "exceptions": SimpleNamespace(raise_compiler_error=self._refuse),
            "tojson": lambda value, sort_keys=False: json.dumps(value, sort_keys=sort_keys),
            "return": self._return,
            "run_query": lambda sql: SimpleNamespace(rows=self.connection.execute(sql).fetchall()),
            "adapter": SimpleNamespace(
                dispatch=lambda name: self.context.get(f"{engine}__{name}") or self.context[f"default__{name}"]),
            "dbt": SimpleNamespace(type_string=lambda: "text", type_timestamp=lambda: "timestamp"),
            "log": lambda message, info=False: self.logged.append(message),
        }
        self.logged: list[str] = []
        self.context["render"] = lambda text: ENVIRONMENT.from_string(text).render(self.context)
        self.context |= ENVIRONMENT.globals
        for path in sorted(file for folder in folders for file in folder.glob("*.sql")):
            # shared: the module sees macros of files that come later, and what a test puts into the context
            module = template(path.read_text()).make_module(self.context)
            for name, macro in vars(module).items():
                if name.startswith(PREFIX):
                    self.context[name.removeprefix(PREFIX)] = partial(self._call, macro)

    def __getattr__(self, name: str):
        try:
            return self.context[name]
        except KeyError:
            raise AttributeError(name) from None

    @staticmethod
    def _call(macro, *arguments, **named):
        try:
            return macro(*arguments, **named)
        except MacroReturn as returned:
            return returned.value

    @staticmethod
    def _return(value=None):
        raise MacroReturn(value)

    @staticmethod
    def _refuse(message: str):
        raise Refused(message)
