"""What every table inherits, and the lock that keeps organizations apart."""

from typing import Any

from peewee import SQL, Field, Model, ModelDelete, ModelSelect, ModelUpdate, fn

from database.clock import now
from database.columns import AutoField, Moment
from database.compiled import JoinedRows, WholeRows, joined_plan, whole_row
from database.connections import database
from database.parameters import IN_SCOPE, parameter
from database.scope import EVERYWHERE, OutOfScope, beside_parents, scope
from database.statements import NotPlain, first, insert_row


class _Scoped:
    model: Any

    def __sql__(self, ctx):
        told = beside_parents(self) if self.model._meta.database.obj.dialect == "sqlite" else self
        return super(_Scoped, told).__sql__(ctx)  # type: ignore[misc]


class ScopedUpdate(_Scoped, ModelUpdate):
    pass


class ScopedDelete(_Scoped, ModelDelete):
    pass


class ScopedSelect(_Scoped, ModelSelect):
    def __init__(self, model, fields_or_models, is_default=False):
        if is_default:  # all columns, which needn't be looked at one by one
            self.model = self._join_ctx = model
            self._joins: dict = {}
            self._is_default = True
            super(ModelSelect, self).__init__([model], fields_or_models)
        else:
            super().__init__(model, fields_or_models)

    def join(self, dest, *args, **kwargs):
        query = super().join(dest, *args, **kwargs)
        if owned := _owned(dest):
            join: Any = query._from_list[-1]  # type: ignore[attr-defined]
            if join._on is None:
                raise OutOfScope("An owned table is joined only by a condition.")
            mine = owned.in_scope()
            join._on = join._on & mine if mine is not None else join._on
        return query

    def orwhere(self, *conditions):
        if _owned(self.model) and scope() is not EVERYWHERE:
            raise OutOfScope("OR would reach past the scope: say it within one condition.")
        return super().orwhere(*conditions)

    def from_(self, *sources):
        if any(_owned(source) for source in sources):
            raise OutOfScope("Select owned tables from themselves, or join them.")
        return super().from_(*sources)

    def count(self: Any, database=None, clear_limit=False):
        """Of the table itself, where its rows are counted as they are: Peewee counts those of a subquery."""
        if clear_limit or self._limit is not None or self._offset is not None or not self._count_can_project_one():
            return super().count(database, clear_limit)  # type: ignore[misc]
        return self.clone().select(fn.COUNT(SQL("1"))).order_by().scalar(database)

    def exists(self: Any, database=None):
        return self.clone().select(SQL("1")).order_by().limit(1).scalar(database) is not None

    def _get_model_cursor_wrapper(self: Any, cursor):
        if self._is_default and self._from_list == [self.model] and not self._joins:
            return WholeRows(cursor, self.model)
        if self._joins and (plan := joined_plan(self)) is not None:
            return JoinedRows(cursor, self.model, plan)
        return super()._get_model_cursor_wrapper(cursor)  # type: ignore[misc]


def _owned(source):
    return source if isinstance(source, type) and issubclass(source, Owned) else None


class Table(Model):
    id = AutoField()
    created_at = Moment(default=now)
    updated_at = Moment(default=now)  # moved on by a trigger, so that bulk updates count too

    class Meta:
        database = database
        legacy_table_names = False
        only_save_dirty = True

    @classmethod
    def select(cls, *fields):
        return ScopedSelect(cls, fields or cls._meta.sorted_fields, is_default=not fields)

    @classmethod
    def of(cls, **values):
        """An instance made of values that were already read: nothing about it is dirty."""
        row = cls.__new__(cls)
        row.__data__, row.__rel__, row._dirty = values, {}, set()  # type: ignore[attr-defined]
        return row

    def save(self: Any, force_insert=False, only=None):
        if force_insert and only is None and "id" in self._meta.fields and self.id is None:
            data = {name: value for name, value in self.__data__.items() if name != "id"}
            self._populate_unsaved_relations(data)
            if (id := insert_row(type(self), data)) is not None:
                self.id = id
                self._dirty.clear()
                return 1
        return super().save(force_insert, only)

    @classmethod
    def in_scope(cls):
        """The condition that a row is where one stands; None where there is nothing to ask."""

    @classmethod
    def one(cls, *conditions):
        """The first row that meets the conditions, or None."""
        mine = cls.in_scope()
        query = lambda: cls.select().where(*conditions).limit(1)  # noqa: E731
        try:
            row = first(cls, conditions if mine is None else (mine, *conditions), query)
        except NotPlain:
            return query().first()
        return row and whole_row(cls, row)

    @classmethod
    def get(cls, *conditions, **filters):
        """The same, or DoesNotExist."""
        if filters or not conditions:
            return super().get(*conditions, **filters)
        if (found := cls.one(*conditions)) is None:
            raise cls.DoesNotExist(cls.__name__)  # type: ignore[attr-defined]
        return found


class Owned(Table):
    """A row of one organization. Untouchable until one stands inside it (or says `everywhere`)."""

    organization: Any

    @classmethod
    def in_scope(cls):
        place = scope()
        if place is EVERYWHERE:
            return None
        return cls.organization == (parameter("scope") if place is IN_SCOPE else place)

    @classmethod
    def select(cls, *fields):
        mine = cls.in_scope()
        query = super().select(*fields)
        query._where = mine
        return query

    @classmethod
    def update(cls, data=None, **fields):
        mine = cls.in_scope()
        query = ScopedUpdate(cls, cls._normalize_data(data, fields))  # type: ignore[attr-defined]
        if mine is None:
            return query
        names = {getattr(name, "name", name) for name in (data or {})} | set(fields)
        if names & {"organization", "organization_id"}:
            cls._refuse()
        return cls._closed(query.where(mine))

    @classmethod
    def delete(cls):
        mine = cls.in_scope()
        query = ScopedDelete(cls)
        return query if mine is None else cls._closed(query.where(mine))

    @classmethod
    def insert(cls, data=None, **fields):
        place = scope()
        row = {(k.name if isinstance(k, Field) else k): v for k, v in (data or {}).items()} | fields
        given = row.pop("organization_id", row.pop("organization", None))
        if place is not EVERYWHERE:
            if given is not None and getattr(given, "id", given) != place:
                raise OutOfScope(f"{cls.__name__} belongs to another organization.")
            given = parameter("scope") if place is IN_SCOPE else place
        query = super().insert(row | {"organization": given})
        return query if place is EVERYWHERE else cls._closed(query)

    @classmethod
    def put(cls, **values):
        """Insert a row of values as they are kept (ids, no instances) where one stands, and return it: `create` for
        what is written very often. For `records_write_per_second`."""
        place = scope()
        owner = values.setdefault("organization", place)
        if owner is EVERYWHERE or place not in (owner, EVERYWHERE):
            cls._refuse()
        meta: Any = cls._meta
        values = meta._default_by_name | values
        for name, default in meta._default_callable_list:
            if name not in values:
                values[name] = default()
        return cls.of(id=insert_row(cls, values), **values)

    @classmethod
    def _closed(cls, query):
        """The ways by which a query could still reach past the scope that it was given."""
        query.orwhere = query.on_conflict = query.on_conflict_replace = query.from_ = cls._refuse
        return query

    def save(self, *args, **kwargs):
        place = scope()
        if place is not EVERYWHERE and self.__data__.setdefault("organization", place) != place:
            raise OutOfScope(f"{type(self).__name__} belongs to another organization.")
        return super().save(*args, **kwargs)

    @classmethod
    def _refuse(cls, *_, **__):
        raise OutOfScope(f"{cls.__name__}: this kind of access can't be kept in scope.")

    alias = insert_many = insert_from = replace = replace_many = raw = _refuse
    bulk_create = bulk_update = truncate_table = _refuse
