"""Peer: a bare Flask route that stores each webhook in a durable commit of its own."""

import json
import os
import sqlite3
import threading

from flask import Flask, request

app = Flask(__name__)
local = threading.local()


def connection() -> sqlite3.Connection:
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(os.environ["DATABASE_FILE"], timeout=30, isolation_level=None)
        local.connection.execute("PRAGMA journal_mode = WAL")
        local.connection.execute("PRAGMA synchronous = FULL")
    return local.connection


connection().execute(
    """
    CREATE TABLE IF NOT EXISTS webhook (
        id INTEGER PRIMARY KEY, channel TEXT NOT NULL, event_id TEXT NOT NULL, body TEXT NOT NULL,
        received_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (channel, event_id)
    )
    """
)


@app.post("/webhooks/<channel>")
def receive(channel):
    body = request.get_data(as_text=True)
    database = connection()
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute(
            "INSERT INTO webhook (channel, event_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (channel, json.loads(body)["id"], body),
        )
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return "", 200
