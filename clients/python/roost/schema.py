# SPDX-License-Identifier: MPL-2.0
"""Framing of the public protocol: a 4-byte head, then protobuf, in one ZeroMQ frame."""
try:
    from . import broker_pb2 as pb
except ImportError as error:  # pragma: no cover - only in an unbuilt checkout
    if error.name and error.name.startswith("google"):
        raise ImportError("roost needs protobuf (Debian: python3-protobuf)") from error
    raise ImportError(
        "roost/broker_pb2.py is missing: install the package (pip install clients/python) or "
        "build the project, which generates it"
    ) from error

SIGNATURE = b"\xb5\x0c"
VERSION = 1

MESSAGE_OF_TYPE = {
    pb.HELLO: pb.Hello, pb.WELCOME: pb.Welcome, pb.NO_SESSION: pb.NoSession, pb.PING: pb.Ping,
    pb.PONG: pb.Pong, pb.GOODBYE: pb.Goodbye, pb.ERROR: pb.Error, pb.SEND: pb.Send,
    pb.STORED: pb.Stored, pb.ATTACH: pb.Attach, pb.ATTACHED: pb.Attached, pb.DETACH: pb.Detach,
    pb.CREDIT: pb.Credit, pb.DELIVER: pb.Deliver, pb.RECEIPT: pb.Receipt, pb.SETTLE: pb.Settle,
    pb.SETTLED: pb.Settled, pb.QUERY: pb.Query, pb.RESULT: pb.Result, pb.FIN: pb.Fin,
    pb.SYNC: pb.Sync, pb.PRESENCE: pb.Presence, pb.CALL: pb.Call, pb.REPLY: pb.Reply,
}
HEAD_OF_MESSAGE = {
    message.DESCRIPTOR.name: SIGNATURE + bytes((VERSION, type_))
    for type_, message in MESSAGE_OF_TYPE.items()
}


def pack(message) -> bytes:
    """The frame of a protobuf message of the protocol."""
    return HEAD_OF_MESSAGE[message.DESCRIPTOR.name] + message.SerializeToString()


def unpack(frame: bytes):
    """(type, message) of a frame, or (0, None) when it is not a message we understand."""
    if len(frame) < 4 or frame[:2] != SIGNATURE or frame[2] != VERSION:
        return 0, None
    factory = MESSAGE_OF_TYPE.get(frame[3])
    if factory is None:
        return 0, None
    try:
        return frame[3], factory.FromString(frame[4:])
    except Exception:  # protobuf raises its own DecodeError class per implementation
        return 0, None
