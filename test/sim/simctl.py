#!/usr/bin/python3
"""Talks to the simulator from a shell: simctl.py PORT COMMAND KEY [ARGUMENT…]

Prints the reply; ends with 1 when the simulator refuses.
"""

import http.client
import json
import os
import sys
from urllib.parse import quote

COMMANDS = {
    # command: (method without an argument, method with one, end of the path)
    "tenant": ("PUT", "PUT", ""),
    "show": ("GET", None, ""),
    "switches": ("GET", "PUT", "/switches"),
    "fault": ("GET", "POST", "/faults"),
    "nofaults": ("DELETE", None, "/faults"),
    "change": ("GET", "POST", "/changes"),
    "nochanges": ("DELETE", None, "/changes"),
    "mutate": (None, "POST", "/mutate"),
    "tokens": ("GET", "PUT", "/tokens"),
    "clear": ("DELETE", None, "/journal"),
    "stats": ("GET", None, "/stats"),
    "records": ("GET", None, "/records"),
    "decidable": ("GET", None, "/decidable"),
    "push": ("GET", None, "/push"),
}


def fail(text):
    print("simctl: " + text, file=sys.stderr)
    sys.exit(2)


def pairs(words):
    """JSON, or name=value words; a value is JSON if it can be."""
    if len(words) == 1 and words[0].lstrip()[:1] in ("{", "["):
        return words[0]
    out = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            fail("%r is neither JSON nor name=value" % word)
        try:
            out[name] = json.loads(value)
        except ValueError:
            out[name] = value
    return json.dumps(out)


def request(words):
    command = words[0]
    if command.isupper() and len(words) > 1:
        return command, words[1], words[2] if len(words) > 2 else None
    if len(words) < 2:
        fail("which tenant?")
    base, rest = "/_sim/tenants/" + quote(words[1], safe=""), words[2:]
    if command == "journal":
        return "GET", base + "/journal?since=" + (rest[0] if rest else "0"), None
    if command not in COMMANDS:
        fail("unknown command %r; known: journal, %s, or METHOD PATH [JSON]" % (command, ", ".join(COMMANDS)))
    plain, given, end = COMMANDS[command]
    method = given if rest else plain
    if method is None:
        fail("%s: wrong arguments" % command)
    return method, base + end, pairs(rest) if rest else ("{}" if method == "PUT" else None)


def main():
    if len(sys.argv) < 3:
        fail(__doc__.splitlines()[0])
    method, path, body = request(sys.argv[2:])
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    try:
        connection.connect()
    except ConnectionRefusedError:
        connection = http.client.HTTPConnection("::1", int(sys.argv[1]), timeout=60)
    connection.request(method, path, body.encode() if body is not None else None)
    response = connection.getresponse()
    sys.stdout.buffer.write(response.read() + b"\n")
    sys.exit(0 if response.status == 200 else 1)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except (OSError, ValueError) as e:
        fail(str(e))
