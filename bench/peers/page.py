"""Peer: a Flask and Jinja page of fifty tasks that are already in memory."""

import json
import os
from pathlib import Path

from flask import Flask, render_template

app = Flask(__name__)
tasks = json.loads(Path(os.environ["TASKS_FILE"]).read_text())


@app.get("/tasks")
def task_list():
    return render_template("tasks.html", tasks=tasks)


OFFERS = [("Weekend", "€49.00", "Both days.", 10), ("Saturday", "€29.00", "", 10), ("Neighbours", "Free", "", 4)]


@app.get("/event")
def event():
    return render_template("event.html", title="Bench", when="Friday, 3 July 2026, 20:00 to 01:00", offers=OFFERS)
