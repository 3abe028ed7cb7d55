"""A Python client made of the document of the API: its types, and a method for each operation that takes a key."""

import keyword
import re

from views.machines import openapi

HEAD = '''"""Made by Guildhall of its OpenAPI document: don't change it by hand, get it anew."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast
from urllib.parse import quote, urlencode, urlsplit

TRIES = 3


class Refused(Exception):
    """What was refused; `problem` says why, for programs too."""

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem["detail"])
        self.problem = problem


class _Versioned(dict[str, Any]):
    etag: str | None = None


def version(row: Mapping[str, Any]) -> str | None:
    """The version of what was read, for `if_match`."""
    return getattr(row, "etag", None)


class Client:
    def __init__(self, site: str, key: str, timeout: float = 30) -> None:
        self._site, self._key, self._timeout = site.rstrip("/"), key, timeout

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        if_match: str | None = None,
        shape: int | None = None,
        reads: bool = False,
    ) -> Any:
        """One request; what writes is tried again under one Idempotency-Key, so it is done once."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if method != "GET" and not reads:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if body is not None:
            headers["Content-Type"] = "application/json"
        if if_match is not None:
            headers["If-Match"] = if_match
        if shape is not None:
            headers["Records-Shape"] = str(shape)
        asked = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in (query or {}).items()
            if value is not None
        }
        url = self._site + path + (f"?{urlencode(asked)}" if asked else "")
        data = None if body is None else json.dumps(body).encode()
        for tried in range(1, TRIES + 1):
            request = urllib.request.Request(url, data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                    text = answer.read()
                    found = json.loads(text) if text else None
                    if isinstance(found, dict):
                        found = _Versioned(found)
                        found.etag = answer.headers.get("ETag")
                    return found
            except urllib.error.HTTPError as error:
                if error.code in (429, 503) and tried < TRIES:
                    time.sleep(float(error.headers.get("Retry-After") or tried))
                    continue
                raise Refused(cast("Problem", json.loads(error.read()))) from None
            except OSError:
                if tried == TRIES:
                    raise
                time.sleep(tried)
'''


def client(document):
    """The client as the text of one file. The same document gives the same bytes."""
    made = _Types()
    methods = [made.method(*one) for one in openapi.of_clients(document)]
    for name, schema in document["components"]["schemas"].items():
        made.name_it(name, schema)
    return "".join([HEAD, *methods, "\n\n", "\n".join(made.written)])


class _Types:
    """Types of schemas; what is an object without a name gets one of where it stands."""

    def __init__(self):
        self.written = []

    def name_it(self, name, schema):
        if schema.get("properties") and schema.get("type") == "object":
            self._dictionary(name, schema["properties"], set(schema.get("required", ())))
        else:
            self.written.append(f"{name} = {self.of(schema, name)}\n")

    def _dictionary(self, name, properties, needed):
        lines = []
        for word, one in properties.items():
            kind = self.of(one, name + _camel(word))
            lines.append(f'        "{word}": "{kind if word in needed else f"NotRequired[{kind}]"}",')
        self.written.append(f'{name} = TypedDict(\n    "{name}",\n    {{\n' + "\n".join(lines) + "\n    },\n)\n")

    def of(self, schema, name):
        if "$ref" in schema:
            return schema["$ref"].rpartition("/")[2]
        if "enum" in schema:
            return f"Literal[{', '.join(repr(value).replace(chr(34), chr(39)) for value in schema['enum'])}]"
        if "anyOf" in schema:
            return " | ".join(self.of(one, name) for one in schema["anyOf"])
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return " | ".join(self._plain(one, schema, name) for one in kinds) or "Any"

    def _plain(self, kind, schema, name):
        if kind == "array":
            return f"list[{self.of(schema.get('items', {}), f'{name}Item')}]"
        if kind == "object":
            if schema.get("properties"):
                self._dictionary(name, schema["properties"], set(schema.get("required", ())))
                return name
            others = schema.get("additionalProperties")
            return f"dict[str, {self.of(others, name) if isinstance(others, dict) else 'Any'}]"
        return {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(kind, "str")

    def method(self, path, method, operation):
        name, arguments, sent = _snake(operation["operationId"]), [], []
        named = _camel(operation["operationId"])
        for one in operation["parameters"]:
            if one["in"] == "path":
                arguments.append(f"{_word(one['name'])}: {self.of(one['schema'], '')}")
            elif one["name"] == "Records-Shape":
                sent.append(f"shape={one['schema']['enum'][0]}")
        if "requestBody" in operation:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            arguments.append(f'body: "{self.of(body, f"{named}Body")}"')
            sent.append("body=body")
        if asked := {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}:
            self._dictionary(f"{named}Query", asked, set())
            arguments.append(f'query: "{named}Query | None" = None')
            sent.append("query=query")
        if any(one["name"] == "If-Match" for one in operation["parameters"]):
            arguments.append("if_match: str | None = None")
            sent.append("if_match=if_match")
        if openapi.only_reads(method, operation):
            sent.append("reads=True")
        address = re.sub(r"\{(\w+)\}", lambda part: f"{{quote(str({_word(part[1])}), safe='')}}", path)
        answer = self._answer(operation, f"{named}Answer")
        where = f'f"{address}"' if "{" in address else f'"{address}"'
        call = f"self._send({', '.join([repr(method.upper()), where, *sent])})"
        body = call if answer == "None" else f'return cast("{answer}", {call})'
        text = _method(name, arguments, answer, body, operation)
        return text + (self._pages(name, arguments, operation, sent) if method == "get" and asked else "")

    def _answer(self, operation, name):
        good = next(one for status, one in operation["responses"].items() if status.startswith("2"))
        return self.of(next(iter(good["content"].values()))["schema"], name) if "content" in good else "None"

    def _pages(self, name, arguments, operation, sent):
        """Beside a list, all of its rows, page after page."""
        if not name.startswith("list_"):
            return ""
        row = f"{self._answer(operation, '')}"
        shape = ", " + next((one for one in sent if one.startswith("shape=")), "") if "shape=" in str(sent) else ""
        given = ", ".join(one.partition(":")[0] for one in arguments)
        body = (
            f'page: Any = self.{name}({given})\n        while True:\n            yield from page["items"]\n'
            '            if page["next"] is None:\n                return\n'
            f'            there = urlsplit(page["next"])\n'
            f'            page = self._send("GET", f"{{there.path}}?{{there.query}}"{shape})'
        )
        return _method(name.replace("list_", "all_", 1), arguments, f"Iterator[{row.removesuffix('Page')}]", body, None)


def _method(name, arguments, answer, body, operation):
    said = f'        """{operation["summary"]}."""\n' if operation else '        """The same, all pages of it."""\n'
    return f'\n    def {name}({", ".join(["self", *arguments])}) -> "{answer}":\n{said}        {body}\n'


def _camel(word):
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", word))


def _snake(word):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda part: "_" + part[1].lower(), word)


def _word(name):
    return f"{name}_" if keyword.iskeyword(name) else name
