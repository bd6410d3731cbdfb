"""What a database says of its tables beyond their columns' types: comments, what may be empty, keys between tables.

Each database keeps it elsewhere. The statements give the same columns: of each column of a table `t` its name `c`, `e`
(1 where it may be empty) and a comment `w`; of each foreign key of one column `t`, `c` and where it leads, `rt` and `rc`;
of each unique index of one column `t` and `c`.
Sources: PostgreSQL 17, 52; MariaDB, information_schema; SQLite, pragma functions; SQL Server, sys; Oracle, ALL_ views.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.deadline import Deadline
from connectors.sql.asking import selected
from connectors.sql.engine import Engine, Source, Value
from connectors.sql.statement import Statement

_POSTGRESQL = (
    """SELECT n.nspname || '.' || r.relname AS t, a.attname AS c, CASE WHEN a.attnotnull THEN 0 ELSE 1 END AS e,
 col_description(r.oid, a.attnum) AS w FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
 JOIN pg_namespace n ON n.oid = r.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped
 AND r.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')""",
    """SELECT n.nspname || '.' || r.relname AS t, a.attname AS c, fn.nspname || '.' || f.relname AS rt, fa.attname AS rc
 FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
 JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
 JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.conkey[1]
 JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
 WHERE k.contype = 'f' AND array_length(k.conkey, 1) = 1""",
    """SELECT n.nspname || '.' || r.relname AS t, a.attname AS c FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid
 JOIN pg_namespace n ON n.oid = r.relnamespace JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = i.indkey[0]
 WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND n.nspname NOT LIKE 'pg\\_%'""",
)
_OWN = "('information_schema', 'mysql', 'performance_schema', 'sys')"
_MARIADB = (
    f"""SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS t, COLUMN_NAME AS c, IF(IS_NULLABLE = 'NO', 0, 1) AS e,
 COLUMN_COMMENT AS w FROM information_schema.COLUMNS WHERE TABLE_SCHEMA NOT IN {_OWN}""",
    f"""SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS t, MAX(COLUMN_NAME) AS c,
 CONCAT(MAX(REFERENCED_TABLE_SCHEMA), '.', MAX(REFERENCED_TABLE_NAME)) AS rt, MAX(REFERENCED_COLUMN_NAME) AS rc
 FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA NOT IN {_OWN}
 GROUP BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME HAVING COUNT(*) = 1""",
    f"""SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS t, MAX(COLUMN_NAME) AS c FROM information_schema.STATISTICS
 WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA NOT IN {_OWN} GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING COUNT(*) = 1""",
)
_SQLITE = (
    """SELECT m.name AS t, i.name AS c, CASE WHEN i."notnull" THEN 0 ELSE 1 END AS e, '' AS w
 FROM sqlite_master m, pragma_table_xinfo(m.name) i WHERE m.type IN ('table', 'view')""",
    """SELECT m.name AS t, f."from" AS c, f."table" AS rt, f."to" AS rc FROM sqlite_master m,
 pragma_foreign_key_list(m.name) f WHERE m.type = 'table' GROUP BY m.name, f.id HAVING COUNT(*) = 1""",
    """SELECT m.name AS t, MAX(i.name) AS c FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
 WHERE m.type = 'table' AND l."unique" = 1 AND l.partial = 0 GROUP BY m.name, l.name HAVING COUNT(*) = 1""",
)
_MSSQL = (
    """SELECT SCHEMA_NAME(o.schema_id) + '.' + o.name AS t, c.name AS c, CAST(c.is_nullable AS int) AS e,
 CONVERT(nvarchar(4000), p.value) AS w FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id
 LEFT JOIN sys.extended_properties p ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id
 AND p.name = 'MS_Description' WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0""",
    """SELECT SCHEMA_NAME(o.schema_id) + '.' + o.name AS t, MAX(COL_NAME(k.parent_object_id, k.parent_column_id)) AS c,
 MAX(SCHEMA_NAME(r.schema_id) + '.' + r.name) AS rt, MAX(COL_NAME(k.referenced_object_id, k.referenced_column_id)) AS rc
 FROM sys.foreign_key_columns k JOIN sys.objects o ON o.object_id = k.parent_object_id
 JOIN sys.objects r ON r.object_id = k.referenced_object_id
 GROUP BY o.schema_id, o.name, k.constraint_object_id HAVING COUNT(*) = 1""",
    """SELECT SCHEMA_NAME(o.schema_id) + '.' + o.name AS t, MAX(COL_NAME(k.object_id, k.column_id)) AS c
 FROM sys.indexes i JOIN sys.objects o ON o.object_id = i.object_id JOIN sys.index_columns k
 ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.is_included_column = 0
 WHERE i.is_unique = 1 AND i.has_filter = 0 AND o.is_ms_shipped = 0
 GROUP BY o.schema_id, o.name, i.index_id HAVING COUNT(*) = 1""",
)
_ORACLE = (
    """SELECT c.owner || '.' || c.table_name AS "t", c.column_name AS "c",
 CASE c.nullable WHEN 'N' THEN 0 ELSE 1 END AS "e", w.comments AS "w" FROM all_tab_columns c
 LEFT JOIN all_col_comments w ON w.owner = c.owner AND w.table_name = c.table_name AND w.column_name = c.column_name
 JOIN all_users u ON u.username = c.owner AND u.oracle_maintained = 'N'""",
    """SELECT k.owner || '.' || k.table_name AS "t", MAX(a.column_name) AS "c",
 MAX(r.owner || '.' || r.table_name) AS "rt", MAX(b.column_name) AS "rc" FROM all_constraints k
 JOIN all_constraints r ON r.owner = k.r_owner AND r.constraint_name = k.r_constraint_name
 JOIN all_cons_columns a ON a.owner = k.owner AND a.constraint_name = k.constraint_name
 JOIN all_cons_columns b ON b.owner = r.owner AND b.constraint_name = r.constraint_name
 WHERE k.constraint_type = 'R' GROUP BY k.owner, k.table_name, k.constraint_name HAVING COUNT(*) = 1""",
    """SELECT i.table_owner || '.' || i.table_name AS "t", MAX(c.column_name) AS "c" FROM all_indexes i
 JOIN all_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name WHERE i.uniqueness = 'UNIQUE'
 GROUP BY i.table_owner, i.table_name, i.owner, i.index_name HAVING COUNT(*) = 1""",
)
_BY_SCHEME = {"postgresql": _POSTGRESQL, "mariadb": _MARIADB, "mysql": _MARIADB, "sqlite": _SQLITE, "mssql": _MSSQL,
              "oracle": _ORACLE}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What is told of one table: `empty` the columns that may be empty, `comments` what is said of columns.

    `foreign` leads from a column to a table and its column, `unique` are columns of which no two rows have the same.
    """

    empty: set[str] = field(default_factory=set)
    comments: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, tuple[str, str]] = field(default_factory=dict)
    unique: set[str] = field(default_factory=set)


def catalogue(engine: Engine, scheme: str, deadline: Deadline) -> Mapping[str, Told]:
    """Return what the database says of its tables, by their full names. Raises as the engine does."""
    columns, foreign, unique = _BY_SCHEME[scheme]
    found = dict[str, Told]()
    for row in all_rows(engine, columns, deadline):
        table = found.setdefault(row["t"], Told())
        table.comments[row["c"]] = row["w"] or ""
        if int(row["e"]):
            table.empty.add(row["c"])
    for row in all_rows(engine, foreign, deadline):
        if row["t"] in found and row["rc"] is not None:
            found[row["t"]].foreign[row["c"]] = (row["rt"], row["rc"])
    for row in all_rows(engine, unique, deadline):
        if row["t"] in found:
            found[row["t"]].unique.add(row["c"])
    return found


def all_rows(
    engine: Engine, query: str, deadline: Deadline, values: Mapping[str, Value] | None = None
) -> list[dict[str, Any]]:
    """Return every row of a query of ours."""
    statement = Statement.of(query, backslashes=engine.backslashes)
    source = Source(statement.within("(", "\n) beffroi_rows"), values or {})
    asked = selected(engine, engine.columns(source, deadline), source)
    rows = list[dict[str, Any]]()
    for batch in engine.stream(asked.statement, asked.values, asked.columns, deadline):
        rows += batch.to_pylist()
    return rows
