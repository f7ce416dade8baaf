"""Downloads a URL over TLS by the byte, and tells in JSON how the connection ended and how much came.

Arguments: host, port, certificate, request target. `end` is `closed` (with close_notify: the end was meant), `cut`
(without) or `reset`.
"""

import json
import socket
import ssl
import sys

host, port, certificate, target = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
answer = bytearray()
with socket.create_connection((host, int(port)), timeout=60) as plain:
    # An end without close_notify is an error, as it would be to a careful client.
    with context.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False) as stream:
        stream.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        try:
            while piece := stream.recv(1 << 16):
                answer += piece
            end = "closed"
        except ssl.SSLEOFError:
            end = "cut"
        except ConnectionResetError:
            end = "reset"
head, _, body = answer.partition(b"\r\n\r\n")
print(json.dumps({"end": end, "status": head.split(b"\r\n")[0].decode(), "length": len(body)}))
