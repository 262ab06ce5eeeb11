"""Conditions on a list of texts in a JSON column, on SQLite and on PostgreSQL."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Texts(FunctionElement[str]):
    """The texts of a JSON list as rows with the column `value`. No list has no rows."""

    name = "json_texts"
    inherit_cache = True


@compiles(_Texts, "sqlite")
def _compile_sqlite(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Texts, "postgresql")
def _compile_postgresql(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text({compiler.process(element.clauses, **options)})"


def has_text(json_list: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Return the condition that a list of texts, such as `Licence.terms["designs"]`, is not empty."""
    return exists(select(_Texts(json_list).table_valued("value").c.value))


def has_other_text(json_list: SQLColumnExpression[Any], texts: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a list of texts has a text that is not one of `texts`."""
    value = _Texts(json_list).table_valued("value").c.value
    return exists(select(value).where(value.not_in(sorted(texts))))


def has_this_text(json_list: SQLColumnExpression[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a list of texts, such as `Organisation.roles`, has this text."""
    value = _Texts(json_list).table_valued("value").c.value
    return exists(select(value).where(value == text))
