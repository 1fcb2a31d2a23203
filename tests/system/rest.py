# SPDX-License-Identifier: MPL-2.0
"""A client of REST for tests: one keep-alive connection, JSON in and out, and a check of every answer
against the OpenAPI document of the broker itself.

    rest = Rest(broker, peer="ana")            # somebody without an account
    rest = Rest(broker, token="roost_...")
    rest.post("/rooms", name="tea")            # the answer's JSON; fails when the status is not 2xx
    status, answer = rest.ask("GET", "/nope")
"""
import http.client
import json
import socket
import ssl
import urllib.parse

PREFIX = "/api/v1"
DEADLINE_S = 20


def quoted(text):
    return urllib.parse.quote(text, safe="")


class Refused(AssertionError):
    def __init__(self, method, path, status, answer):
        super().__init__(f"{method} {path}: {status} {answer}")
        self.status = status
        self.error = answer["error"]["name"] if isinstance(answer, dict) and "error" in answer else None


class Rest:
    seen = set()  # (method, path template, status) of all answers of this process
    document = None

    def __init__(self, broker, peer=None, token=None, tls=None):
        self.address = broker.http_address()
        self.peer, self.token, self.tls = peer, token, tls
        self.connection = None

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(*self.address, timeout=DEADLINE_S, context=self.tls)
        return http.client.HTTPConnection(*self.address, timeout=DEADLINE_S)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def raw(self, method, path, body=None, headers=None):
        """The response and its bytes; `path` is whole."""
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.peer:
            headers.setdefault("Roost-Peer", quoted(self.peer))
        self.connection = self.connection or self.connect()
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return response, content

    def ask(self, method, path, body=None, **headers):
        """(status, JSON or None) of a path below /api/v1; the answer fits the document."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        response, content = self.raw(method, PREFIX + path, data, headers)
        answer = json.loads(content) if content else None
        self.check(method, PREFIX + path, response.status, answer)
        return response.status, answer

    def do(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            raise Refused(method, path, status, answer)
        return answer

    def get(self, path, **query):
        text = urllib.parse.urlencode(query)
        return self.do("GET", f"{path}?{text}" if text else path)

    def post(self, path, **body):
        return self.do("POST", path, body)

    def pages(self, path, **query):
        """All rows of a list, page by page."""
        rows, cursor = [], None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            rows += page["items"]
            assert page["next"] is None or page["next"] != cursor
            cursor = page["next"]
            if cursor is None:
                return rows

    # ------------------------------------------------------------ the document

    def openapi(self):
        if Rest.document is None:
            connection = self.connect()
            connection.request("GET", PREFIX + "/openapi.json")
            Rest.document = json.loads(connection.getresponse().read())
            connection.close()
        return Rest.document

    def template_of(self, path):
        parts = path.split("?")[0].split("/")
        fitting = []
        for template in self.openapi()["paths"]:
            wanted = template.split("/")
            if len(wanted) == len(parts) and all(
                    one == other or one.startswith("{") for one, other in zip(wanted, parts)):
                fitting.append(template)
        return min(fitting, key=lambda one: one.count("{"), default=None)

    def check(self, method, path, status, answer):
        template = self.template_of(path)
        if template is None or method.lower() not in self.openapi()["paths"][template]:
            assert status in (400, 404, 405, 421), (method, path, status)
            return
        Rest.seen.add((method, template, status))
        responses = self.openapi()["paths"][template][method.lower()]["responses"]
        response = responses.get(str(status))
        if response is None:
            assert status >= 400, f"{method} {template} answers {status}, which its document does not name"
            response = responses["default"]
        schema = response.get("content", {}).get("application/json")
        if schema is None:
            assert answer is None, (method, path, status, answer)
        else:
            fits(self.openapi(), schema.get("schema", {}), answer, f"{method} {template}")


def fits(document, schema, value, place):
    """Whether a value is what a schema says; the words of OpenAPI that the document uses."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        fits(document, document["components"]["schemas"][name], value, place)
        return
    if value is None and schema.get("nullable"):
        return
    for inner in schema.get("allOf", ()):
        fits(document, inner, value, place)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
             "number": (int, float)}
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), f"{place}: {value!r} is no {schema['type']}"
        assert schema["type"] == "boolean" or not isinstance(value, bool), place
    if "enum" in schema:
        assert value in schema["enum"], f"{place}: {value!r}"
    if isinstance(value, list):
        for one in value:
            fits(document, schema.get("items", {}), one, place)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            assert name in value, f"{place}: {name} is missing in {value}"
        for name, one in value.items():
            assert name in known or schema.get("additionalProperties", True), f"{place}: {name}"
            fits(document, known.get(name, {}), one, f"{place}.{name}")


def say(address, data, timeout=5.0, tls=None):
    """Sends bytes as they are; what came until the other side closed or fell silent, and whether it closed."""
    with socket.create_connection(address, timeout=timeout) as plain:
        connection = tls.wrap_socket(plain) if tls else plain
        came = b""
        try:
            connection.sendall(data)
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return came, True
                came += piece
        except (ConnectionError, ssl.SSLError):
            return came, True
        except (socket.timeout, TimeoutError):
            return came, False
