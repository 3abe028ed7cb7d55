"""A TypeScript client made of the document of the API: its types, and a method for each operation that takes a key."""

import json
import re

from views.machines import openapi

HEAD = """// Made by Guildhall of /api/openapi.json: don't change it by hand, get it anew.

export interface Options {
  /** Where it runs, such as https://hall.example.org. */
  site: string;
  key: string;
  /** Used instead of the global one. */
  fetch?: typeof fetch;
}

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** What was read, with its version for `ifMatch`. */
export type Versioned<T> = T & { readonly etag?: string };

type Query = Record<string, string | number | boolean | null | undefined>;
interface Sending {
  query?: object;
  body?: unknown;
  ifMatch?: string;
  shape?: number;
  reads?: boolean;
}

const TRIES = 3;
const wait = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

export class Client {
  /** The shape by which a page was read: those after it are read by the same. */
  private readonly shapes = new WeakMap<object, number>();

  constructor(private readonly options: Options) {}

  /** All rows of a list, page after page: `for await (const task of client.all(client.listTasks({})))`. */
  async *all<T>(first: Promise<{ items: T[]; next: string | null }>): AsyncGenerator<T> {
    let page = await first;
    const shape = this.shapes.get(page);
    for (;;) {
      yield* page.items;
      if (page.next === null) return;
      const { pathname, search } = new URL(page.next);
      page = await this.send("GET", pathname + search, shape === undefined ? {} : { shape });
    }
  }

  /** One request; what writes is tried again under one Idempotency-Key, so it is done once. */
  private async send<T>(method: string, path: string, sending: Sending): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.options.key}`, Accept: "application/json" };
    if (method !== "GET" && !sending.reads) headers["Idempotency-Key"] = crypto.randomUUID();
    if (sending.body !== undefined) headers["Content-Type"] = "application/json";
    if (sending.shape !== undefined) headers["Records-Shape"] = String(sending.shape);
    if (sending.ifMatch !== undefined) headers["If-Match"] = sending.ifMatch;
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries((sending.query ?? {}) as Query))
      if (value !== undefined && value !== null) asked.set(name, String(value));
    const url = this.options.site + path + (asked.size ? `?${asked}` : "");
    const body = sending.body === undefined ? undefined : JSON.stringify(sending.body);
    for (let tried = 1; ; tried++) {
      let answer: Response;
      try {
        answer = await (this.options.fetch ?? fetch)(url, { method, headers, ...(body === undefined ? {} : { body }) });
      } catch (error) {
        if (tried >= TRIES) throw error;
        await wait(tried);
        continue;
      }
      if ((answer.status === 429 || answer.status === 503) && tried < TRIES) {
        await wait(Number(answer.headers.get("Retry-After") ?? tried));
        continue;
      }
      if (answer.status === 204) return undefined as T;
      const found = await answer.json();
      if (!answer.ok) throw new Refused(found as Problem);
      const etag = answer.headers.get("ETag");
      if (etag !== null) Object.defineProperty(found, "etag", { value: etag });
      if (sending.shape !== undefined) this.shapes.set(found, sending.shape);
      return found as T;
    }
  }
"""


def client(document):
    """The client as the text of one file. The same document gives the same bytes."""
    parts = [HEAD]
    parts += [_method(*one) for one in openapi.of_clients(document)]
    parts.append("}\n")
    parts += [_named(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "\n".join(parts)


def _named(name, schema):
    return f"export type {name} = {_type(schema)};\n"


def _method(path, method, operation):
    arguments, sending = [], []
    for one in operation["parameters"]:
        if one["in"] == "path":
            arguments.append(f"{_name(one['name'])}: {_type(one['schema'])}")
    if "requestBody" in operation:
        arguments.append(f"body: {_type(operation['requestBody']['content']['application/json']['schema'])}")
        sending.append("body")
    if query := [one for one in operation["parameters"] if one["in"] == "query"]:
        named = "; ".join(f"{_property(one['name'])}?: {_type(one['schema'])}" for one in query)
        arguments.append(f"query: {{ {named} }} = {{}}")
        sending.append("query")
    is_versioned = any(one["name"] == "If-Match" for one in operation["parameters"])
    if is_versioned:
        arguments.append("ifMatch?: string")
        sending.append("...(ifMatch === undefined ? {} : { ifMatch })")
    sending += [
        f"shape: {one['schema']['enum'][0]}" for one in operation["parameters"] if one["name"] == "Records-Shape"
    ]
    sending += ["reads: true"] if openapi.only_reads(method, operation) else []
    address = re.sub(r"\{(\w+)\}", lambda part: f"${{encodeURIComponent({_name(part[1])})}}", path)
    return (
        f"  /** {operation['summary']}. */\n"
        f"  {operation['operationId']}({', '.join(arguments)}): Promise<{_answer(operation)}> {{\n"
        f'    return this.send("{method.upper()}", `{address}`, {{ {", ".join(sending)} }});\n'
        "  }\n"
    )


def _answer(operation):
    good = next(one for status, one in operation["responses"].items() if status.startswith("2"))
    if "content" not in good:
        return "void"
    found = _type(next(iter(good["content"].values()))["schema"])
    return f"Versioned<{found}>" if "headers" in good else found


def _name(word):
    first, *rest = word.split("_")
    return first + "".join(one.capitalize() for one in rest)


def _property(name):
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def _type(schema):
    """A schema as a type; numbers, texts and what isn't known as they are."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kinds = schema.get("type", [])
    return " | ".join(_plain(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)) or "unknown"


def _plain(kind, schema):
    if kind == "array":
        return f"({_type(schema.get('items', {}))})[]"
    if kind == "object":
        return _object(schema)
    return {"integer": "number", "number": "number", "boolean": "boolean", "null": "null"}.get(kind, "string")


def _object(schema):
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    if not properties:
        return f"Record<string, {_type(others if isinstance(others, dict) else {})}>"
    needed = schema.get("required", [])
    lines = [f"{_property(name)}{'' if name in needed else '?'}: {_type(one)}" for name, one in properties.items()]
    lines += ["[name: string]: unknown"] if others is True else []
    return "{ " + "; ".join(lines) + " }"
