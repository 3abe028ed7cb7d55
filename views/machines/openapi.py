"""The document of the API (OpenAPI 3.1), made of what is declared beside each operation."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path

from domain.base import configuration, roles
from views.machines import tables
from views.machines.operations import WRITING
from views.machines.schemas import PROBLEM, STRING, Named

VERSION = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]["version"]
SAYS = {
    400: "It can't be read",
    401: "No good key",
    403: "The key, its maker, or the plan doesn't include it",
    404: "It isn't there, or isn't theirs to see",
    410: "What is asked for isn't kept any more",
    428: "This key has to say which version it changes",
    409: "It can't be done as things stand",
    412: "Another version stands there",
    415: "No JSON was sent",
    422: "Something in it can't be taken",
    429: "Too often",
}
PART = re.compile(r"<(?:([^:>]+):)?(\w+)>")  # of an address: (its converter, its name)
ABOUT = """Ask with a key: `Authorization: Bearer ghk_…`. It may what its scopes say, and never more than whoever made
it may at that moment. Refusals are RFC 9457 problem details."""


@lru_cache(maxsize=8, typed=True)
def document(app, site_url):
    """The whole document, for an application and the address it has."""
    writer = _Writer()
    for rule, described in _of_app(app):
        writer.add(rule, described)
    return _whole(writer, site_url)


def _of_app(app):
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        described = getattr(app.view_functions[rule.endpoint], "described", None)
        if described is not None:
            yield rule, described


def of_key(app, by, lists):
    """The document of one key: what its scopes open, and `lists`, (name, rules, number of the shape)."""
    writer = _Writer()
    for rule, described in _of_app(app):
        is_theirs = described.is_keyed and (not described.scope or by.may(described.scope))
        if is_theirs and not rule.rule.startswith("/api/v1/"):
            writer.add(rule, described)
    for name, rules, pin in lists:
        for where, described in tables.operations(rules, by, by.organization.slug, name, pin):
            writer.add(where, described)
    return _whole(writer, configuration.active.site_url)


def _whole(writer, site_url):
    return {
        "openapi": "3.1.0",
        "info": {"title": "Guildhall", "version": VERSION, "description": ABOUT},
        "servers": [{"url": site_url}],
        "paths": writer.paths,
        "components": {
            "schemas": dict(sorted(writer.schemas.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ghk_…"}},
        },
    }


def of(app):
    """The same for where this application runs."""
    return document(app, configuration.active.site_url)


def of_clients(document):
    """(path, method, operation) of what clients are made of: takes a key, and speaks JSON alone."""
    for path, operations in document["paths"].items():
        for method, one in operations.items():
            answers = [one.get("requestBody", {}), *(a for s, a in one["responses"].items() if s.startswith("2"))]
            if "security" in one and all(
                media == "application/json" for a in answers for media in a.get("content", ())
            ):
                yield path, method, one


def only_reads(method, operation):
    """Whether it is sent as what is written, and only reads: done anew each time."""
    return method == "post" and all(one["name"] != "Idempotency-Key" for one in operation["parameters"])


class _Writer:
    def __init__(self):
        self.paths, self.schemas, self.ids = {}, {}, set()

    def add(self, rule, described):
        path = PART.sub(r"{\2}", rule.rule)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            self.paths.setdefault(path, {})[method.lower()] = self._operation(rule, method, described)

    def _operation(self, rule, method, described):
        found = {
            "operationId": self._id(rule, method),
            "summary": described.summary,
            "tags": [described.tag or rule.endpoint.partition(".")[0]],
            "parameters": [*self._in_path(rule), *map(self._plain, described.query), *self._in_head(method, described)],
            "responses": self._responses(method, described),
        }
        if described.scope:
            found["description"] = f"Takes the scope `{described.scope}`: {roles.label(described.scope).lower()}."
        if described.is_keyed:
            found["security"] = [{"key": [described.scope] if described.scope else []}]
        if described.sent:
            content = {described.sent: {"schema": {"type": "string", "format": "binary"}}}
            found["requestBody"] = {"required": True, "content": content}
        if described.body is not None:
            content = {"application/json": {"schema": self._plain(described.body)}}
            found["requestBody"] = {"required": True, "content": content}
        return found

    def _id(self, rule, method):
        """A name for it, in the document the only one."""
        several = len(rule.methods - {"HEAD", "OPTIONS"}) > 1
        found = _camel(rule.endpoint + (f".{method.lower()}" if several else ""))
        for path in re.sub(r"<[^>]+>", "", rule.rule), rule.rule:
            if found in self.ids:  # another address of the same view
                found = _camel(".".join([rule.endpoint, *re.findall(r"[a-z]+", path)]))
        self.ids.add(found)
        return found

    def _in_path(self, rule):
        for kind, name in PART.findall(rule.rule):
            schema: dict = (
                {"type": "integer", "minimum": 1, "maximum": 2**31 - 1} if kind == "id" else {"type": "string"}
            )
            schema |= {"enum": re.findall(r"\w+", kind)[1:]} if kind.startswith("any(") else {}
            yield {"name": name, "in": "path", "required": True, "schema": schema}

    def _in_head(self, method, described):
        if method in WRITING and described.is_keyed and not described.reads:
            said = "The same for a repeat of this very request: within a day it is done once."
            yield _header("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}, said)
        if described.pin:
            said = "The shape that the names here are of: they hold whatever is renamed."
            yield _header("Records-Shape", {"type": "integer", "enum": [described.pin]}, said)
        if described.versioned and (described.matches or method in ("PATCH", "DELETE", "PUT")):
            yield _header("If-Match", STRING, "The ETag of what was read: 412 when something else stands there by now.")

    def _responses(self, method, described):
        content = {}
        if described.answer is not None:
            content = {"content": {described.media: {"schema": self._plain(described.answer)}}}
        etag = {"ETag": {"schema": STRING, "description": "Which version it is."}}
        heads = {"headers": etag} if described.versioned and described.answer is not None else {}
        found = {str(described.status): {"description": described.summary} | content | heads}
        for status in self._refusals(method, described):
            problem = {"application/problem+json": {"schema": self._plain(PROBLEM)}}
            found[str(status)] = {"description": SAYS[status], "content": problem}
        return found

    def _refusals(self, method, described):
        if not described.is_keyed:
            return described.errors
        always = [400, 401, 403, 404, 422, 429]
        return sorted({*always, *([409, 412, 415, 428] if method in WRITING else []), *described.errors})

    def _plain(self, schema):
        """The schema with a reference in the place of each that has a name."""
        if isinstance(schema, Named):
            if schema.name not in self.schemas:
                self.schemas[schema.name] = {}  # it may name itself
                self.schemas[schema.name] = self._plain(schema.make())
            return {"$ref": f"#/components/schemas/{schema.name}"}
        if isinstance(schema, dict):
            return {name: self._plain(value) for name, value in schema.items()}
        return [self._plain(value) for value in schema] if isinstance(schema, list | tuple) else schema


def _header(name, schema, sentence):
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": sentence}


def _camel(endpoint):
    words = re.split(r"[_.]", re.sub(r"^(mobile|api)\.", "", endpoint))
    return words[0] + "".join(word.capitalize() for word in words[1:])
