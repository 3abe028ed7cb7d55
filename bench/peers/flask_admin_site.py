"""Peer: Flask-Admin's list of tasks. It has no sign-in of its own, so it is measured without one.

On Peewee, because that was the faster of its backends here: 29 pages a second against SQLAlchemy's 21.
"""

import os

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.peewee import ModelView
from peewee import CharField, DateField, DateTimeField, ForeignKeyField, Model, SqliteDatabase, TextField

database = SqliteDatabase(
    os.environ["DATABASE_FILE"], pragmas={"journal_mode": "wal", "synchronous": "full"}, timeout=30
)


class Table(Model):
    class Meta:
        database = database


class Person(Table):
    name = CharField()

    def __str__(self):
        return self.name


class Task(Table):
    title = CharField(max_length=200)
    description = TextField()
    status = CharField(max_length=20, index=True)
    priority = CharField(max_length=20, index=True)
    category = CharField(max_length=50)
    assignee = ForeignKeyField(Person)
    due_date = DateField()
    created_at = DateTimeField()


class TaskView(ModelView):
    page_size = 50
    column_list = ("title", "status", "priority", "category", "assignee", "due_date")
    column_filters = ("status", "priority")
    column_searchable_list = ("title", "description")
    column_default_sort = ("id", True)


app = Flask(__name__)
app.secret_key = "bench"
Admin(app, name="Tasks").add_view(TaskView(Task, endpoint="task"))

if __name__ == "__main__":
    database.create_tables([Person, Task])
