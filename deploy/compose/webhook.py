"""A receiver of webhooks that prints what it is told: stands for the one that you have. Standard library only."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

MOST_BYTES: Final = 1 << 20
_DEADLINE_S: Final = 10


class Receiver(BaseHTTPRequestHandler):
    """Takes every notification."""

    timeout = _DEADLINE_S

    def do_POST(self) -> None:
        """Print the body and take it."""
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= MOST_BYTES:
            self.send_error(413 if length else 411)
            return
        sys.stdout.write(ascii(self.rfile.read(length).decode(errors="replace")) + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing of the request beside its body."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8080), Receiver).serve_forever()
