from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, comparable


@dataclass(frozen=True)
class Switch(Kind):
    """On or off."""

    name = "switch"
    WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

    def read(self, text):
        if comparable(text) not in self.WORDS:
            raise Unfit("Choose on or off.")
        return self.WORDS[comparable(text)]

    def from_json(self, json):
        if not isinstance(json, bool):
            raise Unfit("Send true or false.")
        return json

    def schema(self, writes=False):
        return {"type": "boolean"}

    def plain(self, value):
        return "On" if value else "Off"
