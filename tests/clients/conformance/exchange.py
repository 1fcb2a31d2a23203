# SPDX-License-Identifier: MPL-2.0
"""Reads recorded exchanges (exchanges/*.txt) and compares their frames with real ones.

Owns the notation; leaves sockets to player.py. A file is lines of

    # prose                          a comment; the first one is the title
    client bob                       the side that a client library plays when one is tested;
                                     `client bob only`: not for the daemon
    bob: send peer:alice hello       what the application of bob asks of its library
    bob> SEND first_no: 1 ...        a frame from bob to the broker
    bob< STORED upto_no: 1 ...       a frame from the broker to bob
    bob= stored                      what the application of bob is told
    (indented)                       continues the line before

A frame is its type and fields in protobuf text format, with two additions: `*` is any value but
nothing, `$name` is any value, the same wherever the name stands again. To expect a frame is to
expect the fields that are written; others may have any value. Repeated fields are written in full.
To send a frame with `*` or a new `$name`, a fitting value is made up.
"""
import dataclasses
import itertools
import os
import re

from google.protobuf.descriptor import FieldDescriptor

from roost.schema import MESSAGE_OF_TYPE, pb
from roost.types import new_message_id

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_]\w*)|(\$\w+|\*)|(-?\d+)|([{}\[\]:,]))')
ANY = "*"


@dataclasses.dataclass(frozen=True)
class Variable:
    name: str


@dataclasses.dataclass
class Step:
    where: str         # file:line
    who: str
    action: str        # one of : > < =
    text: str          # of : and =
    type_name: str = ""
    fields: tuple = ()


@dataclasses.dataclass
class Exchange:
    name: str
    title: str
    client: str
    is_for_daemon: bool
    steps: list


class Mismatch(AssertionError):
    pass


# ---------------------------------------------------------------- reading

def _tokens(text):
    at, found = 0, []
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"cannot read: {text[at:at + 30]!r}")
        at = match.end()
        string, word, variable, number, mark = match.groups()
        if string is not None:
            unescaped = string[1:-1].encode().decode("unicode_escape").encode("latin-1")
            found.append(("value", unescaped))
        elif variable is not None:
            found.append(("value", ANY if variable == "*" else Variable(variable)))
        elif number is not None:
            found.append(("value", int(number)))
        else:
            found.append(("word", word) if word else ("mark", mark))
    return found


def _read_fields(tokens, at):
    """[(name, value)...] up to a closing brace or the end; a value may again be such a list."""
    fields = []
    while at < len(tokens) and tokens[at] != ("mark", "}"):
        kind, name = tokens[at]
        if kind != "word":
            raise ValueError(f"a field name should stand at {name!r}")
        at += 1
        if tokens[at] == ("mark", ":"):
            at += 1
        if tokens[at] == ("mark", "{"):
            value, at = _read_fields(tokens, at + 1)
            at += 1
        else:
            kind, value = tokens[at]
            if kind == "word" and value in ("true", "false"):
                value = value == "true"
            at += 1
        fields.append((name, value))
    return tuple(fields), at


def read(path):
    exchange = Exchange(os.path.basename(path)[:-4], "", "", True, [])
    lines = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip()
            if line.startswith("#"):
                exchange.title = exchange.title or line.lstrip("# ")
            elif line.startswith(" "):
                lines[-1] = (lines[-1][0], lines[-1][1] + line)
            elif line:
                lines.append((number, line))
    for number, line in lines:
        if line.startswith("client "):
            exchange.client = line.split()[1]
            exchange.is_for_daemon = not line.endswith(" only")
            continue
        who, action, text = re.match(r"(\w+)([:><=])\s*(.*)$", line).groups()
        step = Step(f"{exchange.name}:{number}", who, action, text)
        if action in "><":
            step.type_name, _, rest = text.partition(" ")
            step.fields = _read_fields(_tokens(rest), 0)[0]
            assert step.type_name in pb.Type.keys(), f"{step.where}: no type {step.type_name}"
        exchange.steps.append(step)
    return exchange


def load_all():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exchanges")
    return [read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))
            if name.endswith(".txt")]


# ---------------------------------------------------------------- comparing and making

def _plain(field, value):
    """An enum by name becomes its number."""
    if field.type == FieldDescriptor.TYPE_ENUM and isinstance(value, str) and value != ANY:
        return field.enum_type.values_by_name[value].number
    if field.type == FieldDescriptor.TYPE_STRING and isinstance(value, bytes):
        return value.decode()
    return value


class Values:
    """What the $names of one exchange stand for."""

    def __init__(self):
        self.known = {}
        self._numbers = itertools.count(1)

    def made_up(self, field):
        if field.type == FieldDescriptor.TYPE_BYTES:
            return new_message_id()
        if field.type == FieldDescriptor.TYPE_STRING:
            return "text"
        return True if field.type == FieldDescriptor.TYPE_BOOL else next(self._numbers)

    def fill(self, message, fields):
        """Sets the fields of a protobuf message."""
        for name, value in fields:
            field = message.DESCRIPTOR.fields_by_name[name]
            is_list = field.label == FieldDescriptor.LABEL_REPEATED
            if isinstance(value, tuple):
                inner = getattr(message, name)
                self.fill(inner.add() if is_list else inner, value)
                continue
            if value == ANY:
                value = self.made_up(field)
            elif isinstance(value, Variable):
                if value.name not in self.known:
                    self.known[value.name] = self.made_up(field)
                value = self.known[value.name]
            if is_list:
                getattr(message, name).append(_plain(field, value))
            else:
                setattr(message, name, _plain(field, value))
        return message

    def match(self, message, fields, where):
        """Raises Mismatch unless the message has these fields."""
        names = [name for name, _ in fields]
        for name in dict.fromkeys(names):
            field = message.DESCRIPTOR.fields_by_name[name]
            wanted = [value for key, value in fields if key == name]
            actual = getattr(message, name)
            got = list(actual) if field.label == FieldDescriptor.LABEL_REPEATED else [actual]
            if len(got) != len(wanted):
                raise Mismatch(
                    f"{where}: {len(got)} times {name} instead of {len(wanted)} in\n{message}")
            for want, have in zip(wanted, got):
                self._match_one(field, want, have, f"{where} {name}")

    def _match_one(self, field, want, have, where):
        if isinstance(want, tuple):
            self.match(have, want, where)
        elif isinstance(want, Variable):
            if self.known.setdefault(want.name, have) != have:
                raise Mismatch(f"{where}: {have!r}, but {want.name} is {self.known[want.name]!r}")
        elif want == ANY:
            if not have:
                raise Mismatch(f"{where}: is empty")
        elif _plain(field, want) != have:
            raise Mismatch(f"{where}: {have!r} instead of {want!r}")


def build(step, values):
    """The protobuf message of a frame to be sent."""
    return values.fill(MESSAGE_OF_TYPE[pb.Type.Value(step.type_name)](), step.fields)
