"""CONNECT, so that the simulator can stand in for a proxy before itself."""

import select
import socket


def relay(conn, target):
    """Carries bytes between the client and a port on loopback until one side ends."""
    host, _, port = target.rpartition(":")
    if host.strip("[]") not in ("127.0.0.1", "localhost", "::1") or not port.isdigit():
        conn.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return 403
    try:
        far = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
    except OSError:
        conn.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return 502
    with far:
        far.settimeout(None)
        conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sides = {conn.sock: far, far: conn.sock}
        while True:
            for side in select.select(list(sides), [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return 200
                sides[side].sendall(data)
