"""Operations for migrations with `atomic = False`, which can be run again after they were cut off.

What such a migration has done stays when it is cut off (a restart of PostgreSQL, a killed process, a lock that was waited for too long),
and it is not noted as done: the next `migrate` runs all of its operations again. Django's own ones end then, each time, with "already
exists"; these go on from where it was. What they do to a new database, and what `sqlmigrate` prints, is the same.
"""

from typing import Any

from django.contrib.postgres import operations
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.models import Index, Model

# False: what a build that was cut off left. PostgreSQL keeps such an index up to date and never reads it. No row: there is none.
_VALID = (
    "select i.indisvalid and i.indisready from pg_index i join pg_class c on c.oid = i.indexrelid"
    " where c.relname = %s and i.indrelid = to_regclass(%s)"
)


class AddIndexConcurrently(operations.AddIndexConcurrently):
    """Build an index beside all that writes: leaves one that is there and valid, and builds one anew whose building was cut off."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Build the index where it is not there."""
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _build(schema_editor, model, self.index)


class RemoveIndexConcurrently(operations.RemoveIndexConcurrently):
    """Drop an index beside all that writes: Django says `if exists`. Undone, it is built as by AddIndexConcurrently."""

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Build the index where it is not there."""
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            found = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
            _build(schema_editor, model, found)


class AddField(migrations.AddField):
    """Add a column that needs one statement (no index, no foreign key): leaves one that is there."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Add the column where it is not there."""
        if not self._is_there(app_label, schema_editor, to_state):
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the column where it is there."""
        if schema_editor.collect_sql or self._is_there(app_label, schema_editor, from_state):
            super().database_backwards(app_label, schema_editor, from_state, to_state)

    def _is_there(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: Any) -> bool:
        """Return whether the database has the column; False where statements are only collected: they are of a new database."""
        if schema_editor.collect_sql:
            return False
        about = state.apps.get_model(app_label, self.model_name)._meta  # noqa: SLF001  # documented API
        with schema_editor.connection.cursor() as cursor:
            columns = schema_editor.connection.introspection.get_table_description(cursor, about.db_table)
        return about.get_field(self.name).column in {one.name for one in columns}


def _build(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], index: Index) -> None:
    assert isinstance(schema_editor, DatabaseSchemaEditor)  # PostgreSQL is the only database that AdToken has
    valid = None
    if not schema_editor.collect_sql:
        with schema_editor.connection.cursor() as cursor:
            table = schema_editor.quote_name(model._meta.db_table)  # noqa: SLF001  # documented API
            cursor.execute(_VALID, [index.name, table])
            valid = next((row[0] for row in cursor.fetchall()), None)
    if valid is False:
        schema_editor.remove_index(model, index, concurrently=True)
    if not valid:
        schema_editor.add_index(model, index, concurrently=True)
