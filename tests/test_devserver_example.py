"""The example page of the browser client on the local server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.local_server import LocalServer, RunServer
from tests.support.project import copy_project

pytestmark = pytest.mark.usefixtures("run_mongod")


@pytest.fixture(scope="module")
def server(
    run_server: RunServer, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    """Run the local server on a project with one more file."""
    root = copy_project(tmp_path_factory.mktemp("copy") / "project")
    client = root / "clients" / "browser"
    (client / "example" / "notes.txt").write_text("not a part of the page")
    with run_server(root, MONGODB_URI=mongodb_uri) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/example/", "text/html; charset=utf-8"),
        ("/example/index.html", "text/html; charset=utf-8"),
        ("/example/chat.css", "text/css; charset=utf-8"),
        ("/dist/widget.js", "text/javascript; charset=utf-8"),
    ],
)
def test_serves_the_page_and_what_it_loads(
    server: LocalServer, path: str, content_type: str
) -> None:
    response = server.client.get(path)
    head = server.client.head(path)

    assert response.status_code == head.status_code == 200
    assert response.headers["Content-Type"] == head.headers["Content-Type"] == content_type
    assert (len(response.content) > 0, head.content) == (True, b"")


def test_lets_the_page_load_and_send_only_to_this_server(server: LocalServer) -> None:
    headers = server.client.get("/example/").headers

    directives = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in directives
    assert not [each for each in directives if "unsafe" in each or "http" in each or "*" in each]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/example/notes.txt",
        "/dist/",
        "/src/client.ts",
        "/package.json",
        "/example/../package.json",
        "/example/%2e%2e/package.json",
        "/example/..%2fpackage.json",
        "/example/..%5cpackage.json",
        "/example//index.html",
        "/dist/../../../local.settings.json",
        "/example/index.html%00.js",
    ],
)
def test_serves_nothing_else(server: LocalServer, path: str) -> None:
    # Sent as it is: the client would normalise the path.
    request = server.client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())

    assert server.client.send(request).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reads(server: LocalServer, method: str) -> None:
    assert server.client.request(method, "/example/").status_code == 404


def test_refuses_other_host_names(server: LocalServer) -> None:
    response = server.client.get("/example/", headers={"Host": "evil.example.com"})

    assert response.status_code == 403


def test_a_project_without_the_client_is_served_without_the_page(
    run_server: RunServer, mongodb_uri: str, tmp_path: Path
) -> None:
    root = copy_project(tmp_path / "project")
    (root / "clients").rename(root / "elsewhere")

    with run_server(root, MONGODB_URI=mongodb_uri) as server:
        assert "/example/" not in server.printed
        assert server.client.get("/example/").status_code == 404
