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
