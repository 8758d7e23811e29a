"""The server of the pages under test, on another origin than the functions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.http_servers import serving as serving_http
from tests.support.project import DIST

# A page defines `track`, `vote`, and `pending`, the number of undelivered items.
OURS = """\
<!doctype html><meta charset="utf-8"><title>Up2d8</title><link rel="icon" href="data:,">
<script type="module">
import { createClient } from "/client.js";
const query = new URLSearchParams(location.search);
const token = query.has("user") && { token: () => window.token };
window.dropped = [];
const client = window.client = createClient({
  endpoint: query.get("endpoint"), onDrop: (reason) => dropped.push(reason), ...token,
});
if (query.has("user")) client.identify(query.get("user"));
window.track = (run, n, padding) => client.track(run, { n, padding });
window.vote = (message_id, rating) => void client.feedback({ message_id, rating }).catch(() => {});
window.pending = () => client.pending;
</script>
"""

# All that a page needs for thumbs.
THUMBS = """\
<!doctype html>
<title>Chat</title>
<script type="module" src="/widget.js"></script>
<p>The capital of Australia is Canberra.</p>
<message-feedback message-id="{message_id}" endpoint="{endpoint}"></message-feedback>
"""

OTHER = "<!doctype html><title>Another page</title>"

TYPES = {"js": "text/javascript", "html": "text/html; charset=utf-8"}


def our_files() -> dict[str, bytes]:
    """Return our page and what it loads."""
    return {
        "/page.html": OURS.encode(),
        "/other.html": OTHER.encode(),
        "/client.js": (DIST / "client.js").read_bytes(),
        "/widget.js": (DIST / "widget.js").read_bytes(),
    }


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve files by their paths; yield the origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            content = files.get(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", TYPES.get(path.rpartition(".")[2], "text/plain"))
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

    with serving_http(Handler) as port:
        yield f"http://127.0.0.1:{port}"
