"""A webhook for one machine: prints what it is told, one line each."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

_PORT: Final = 8090
_MAX_BYTES: Final = 1 << 20


class Sink(BaseHTTPRequestHandler):
    """Takes every notification."""

    def do_POST(self) -> None:
        """Print the body and say that it was taken."""
        length = int(self.headers.get("Content-Length", 0))
        if length > _MAX_BYTES:
            self.send_error(413)
            return
        sys.stdout.write(self.rfile.read(length).decode(errors="replace") + "\n")
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else _PORT
    ThreadingHTTPServer(("127.0.0.1", port), Sink).serve_forever()
