# SPDX-License-Identifier: MPL-2.0
"""The golden files in the eyes of Google's protobuf: same bytes, same text, nothing unknown.

usage: golden_check.py STUB_FOLDER GOLDEN_FOLDER
Run by ctest with stubs that protoc made from proto/wire/broker.proto at build time.
"""
import pathlib
import sys


def message_class(stubs, name):
    camel = "".join(word.capitalize() for word in name.split("_"))
    return getattr(stubs, camel)


def unset_fields(message):
    """Fields that the golden file leaves at zero: it should use every one."""
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.label == field.LABEL_REPEATED:
            if len(value) != 2:
                yield f"{message.DESCRIPTOR.name}.{field.name}"
            for member in value:
                yield from unset_fields_of_member(member)
        elif field.type == field.TYPE_MESSAGE:
            yield from unset_fields(value)
        elif value == field.default_value:
            yield f"{message.DESCRIPTOR.name}.{field.name}"


def unset_fields_of_member(member):
    return [] if member.ByteSize() == 0 else unset_fields(member)


def check(stubs, text_format, folder, name, number):
    frame = bytes.fromhex((folder / f"{name}.hex").read_text())
    assert frame[:4] == bytes([0xB5, 0x0C, 1, number]), "head"
    message = message_class(stubs, name)()
    assert message.ParseFromString(frame[4:]) == len(frame) - 4, "parse"
    assert message.SerializeToString() == frame[4:], "bytes differ when packed by Python"
    before = message.ByteSize()
    message.DiscardUnknownFields()
    assert message.ByteSize() == before, "unknown fields"
    text = text_format.Parse((folder / f"{name}.txt").read_text(), message_class(stubs, name)())
    assert text == message, "the text form is another message"
    assert not list(unset_fields(message)), f"not set: {list(unset_fields(message))}"


def main():
    sys.path.insert(0, sys.argv[1])
    import broker_pb2 as stubs
    from google.protobuf import text_format

    folder = pathlib.Path(sys.argv[2])
    names = {name: number for name, number in stubs.Type.items() if number != 0}
    for name, number in names.items():
        try:
            check(stubs, text_format, folder, name, number)
        except Exception as problem:
            sys.exit(f"{name}: {problem}")
    extra = {path.stem for path in folder.glob("*.hex")} - set(names)
    if extra:
        sys.exit(f"golden files of no type: {sorted(extra)}")
    print(f"{len(names)} message types agree")


main()
