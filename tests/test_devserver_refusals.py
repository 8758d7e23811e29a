"""Requests that the local server refuses: from foreign pages, and those that Azure rejects."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from pymongo.database import Database

from devserver.application import allowed_origins, create_application
from local_project.errors import LocalProjectError
from local_project.files import local_host
from tests.support.documents import Document
from tests.support.functions import EVENT
from tests.support.local_server import LocalServer, running_server
from tests.support.project import ROOT, copy_project

LISTED = {"Origin": "https://app.example.com"}


@pytest.fixture(scope="module")
def listing_server(
    tmp_path_factory: pytest.TempPathFactory, mongodb_uri: str, database_name: str
) -> Iterator[LocalServer]:
    """Run the server of a project that lists origins."""
    folder = copy_project(tmp_path_factory.mktemp("project") / "copy")
    host = {"CORS": "http://localhost:3000 ,https://APP.example.com,"}
    settings = json.loads((folder / "local.settings.json").read_text()) | {"Host": host}
    (folder / "local.settings.json").write_text(json.dumps(settings))
    with running_server(folder, MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database_name) as server:
        yield server


def status_of(server: LocalServer, request: str) -> int:
    """Return the status of the response to a raw request."""
    address = (server.client.base_url.host, server.client.base_url.port)
    with socket.create_connection(address) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        status_line = connection.makefile("rb").readline()
    return int(status_line.split()[1])


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "https://app.example.com",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:PORT",
        "http://127.0.0.1:PORT",
        "http://localhost:PORT.example.com",
        "http://localhost:PORT/",
        "null",
        "file://",
        "",
        "*",
    ],
)
def test_a_foreign_page_writes_nothing(
    server: LocalServer, server_database: Database[Document], origin: str
) -> None:
    origin = origin.replace("PORT", str(server.client.base_url.port))
    # As from `fetch` with `mode: "no-cors"`, a form and a beacon: without a preflight.
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    response = server.client.post("/api/analytics", content=json.dumps(EVENT), headers=headers)

    assert response.status_code == 403
    assert "is not in Host.CORS of local.settings.json" in response.text
    assert "Access-Control-Allow-Origin" not in response.headers
    assert server.wait_for_log(f"devserver: refused with 403: Origin '{origin}' is not in")
    assert server_database.analytics.count_documents({}) == 0


def test_one_foreign_origin_of_two_is_refused(server: LocalServer) -> None:
    own = f"http://localhost:{server.client.base_url.port}"
    headers = [("Origin", own), ("Origin", "https://evil.example.com")]

    assert server.client.post("/api/analytics", json=EVENT, headers=headers).status_code == 403


def test_programs_and_pages_of_the_server_itself_may_write(
    server: LocalServer, server_database: Database[Document]
) -> None:
    own = {"Origin": f"http://localhost:{server.client.base_url.port}"}

    assert server.client.post("/api/analytics", json=EVENT).status_code == 202
    assert server.client.post("/api/analytics", json=EVENT, headers=own).status_code == 202
    assert server_database.analytics.count_documents({}) == 2


def test_a_preflight_of_a_foreign_page_is_refused(server: LocalServer) -> None:
    headers = LISTED | {"Access-Control-Request-Method": "POST"}
    response = server.client.options("/api/analytics", headers=headers)

    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://localhost:3000"])
def test_a_listed_page_writes_and_reads_the_response(
    listing_server: LocalServer, server_database: Database[Document], origin: str
) -> None:
    headers = {"Origin": origin, "Content-Type": "text/plain;charset=UTF-8"}
    response = listing_server.client.post(
        "/api/analytics", content=json.dumps(EVENT), headers=headers
    )

    assert response.status_code == 202
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert server_database.analytics.count_documents({}) == 1
    response = listing_server.client.post("/api/unknown", headers=headers)
    assert response.status_code == 404
    assert response.headers["Access-Control-Allow-Origin"] == origin


def test_a_preflight_of_a_listed_page_gets_a_204(listing_server: LocalServer) -> None:
    headers = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    response = listing_server.client.options("/api/feedback", headers=headers | LISTED)

    assert response.status_code == 204
    assert response.content == b""
    assert "Content-Type" not in response.headers
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origin", ["https://other.example.com", "null", "http://app.example.com"])
def test_unlisted_pages_may_not_write(
    listing_server: LocalServer, server_database: Database[Document], origin: str
) -> None:
    headers = {"Origin": origin}

    response = listing_server.client.post("/api/analytics", json=EVENT, headers=headers)
    assert response.status_code == 403
    assert server_database.analytics.count_documents({}) == 0


@pytest.mark.parametrize("origin", ["https://any.example.com", "null"])
async def test_an_asterisk_lists_every_page(origin: str) -> None:
    application = create_application([], {}, {"CORS": "*"})
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get("/", headers={"Origin": origin})

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7071", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:7071"]
)
def test_accepts_local_host_names(server: LocalServer, host: str) -> None:
    response = server.client.post("/api/analytics", json={}, headers={"Host": host})

    assert response.status_code == 422


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "evil.example.com:7071",
        "localhost.evil.example.com",
        "evil.localhost",
        "127.0.0.1.evil.example.com",
        "localhost:7071@evil.example.com",
        "localhost:7071x",
        "localhost, localhost",
        "192.0.2.1",
        "127.0.0.2",
        "::1",
        "x" * 5000,
    ],
)
def test_refuses_other_host_names(
    server: LocalServer, server_database: Database[Document], host: str
) -> None:
    # With DNS rebinding, the page's origin is the server's own.
    headers = {"Host": host, "Origin": f"http://{host}"}
    response = server.client.post("/api/analytics", json=EVENT, headers=headers)

    assert response.status_code == 403
    line = server.wait_for_log("devserver: refused with 403: Host is ")
    assert line.endswith(", not localhost, 127.0.0.1 or [::1]\n")
    assert len(line) < 300
    assert server_database.analytics.count_documents({}) == 0


@pytest.mark.parametrize("hosts", ["", "Host:\n", "Host: localhost\nHost: localhost\n"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_requires_one_host(server: LocalServer, hosts: str, version: str) -> None:
    assert status_of(server, f"GET / HTTP/{version}\n{hosts}\n") == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_has_a_homepage(server: LocalServer, method: str) -> None:
    response = server.client.request(method, "/?a=//")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["//", "/%2F", "//api/feedback", "/api//feedback", "/api%2ffeedback", "/api/feedback//"]
)
def test_does_not_normalize_paths(server: LocalServer, path: str) -> None:
    assert status_of(server, f"POST {path} HTTP/1.1\nHost: localhost\n\n") == 404


def test_limits_headers_to_32_kib(server: LocalServer) -> None:
    def status(length: int) -> int:
        lines = "".join(f"{'X' * 10}: {'x' * 1010}\n" for _ in range(31))
        rest = length - 31 * 1024 - len("Host: localhost\r\n") - len("Y: \r\n")
        return status_of(server, f"GET / HTTP/1.1\nHost: localhost\n{lines}Y: {'y' * rest}\n\n")

    assert status(32_768) == 200
    assert status(32_769) == 431
    assert "devserver: refused with 431" in server.wait_for_log("32768 bytes of headers")


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        (None, []),
        ("", []),
        (" , ", []),
        ("*", ["*"]),
        ("http://a.example,http://B.example ", ["http://a.example", "http://b.example"]),
    ],
)
def test_splits_origins_at_commas(origins: str | None, expected: list[str]) -> None:
    assert allowed_origins({"CORS": origins}) == expected


def test_reports_origins_of_another_type() -> None:
    with pytest.raises(
        LocalProjectError, match=r"Host\.CORS in local\.settings\.json must be a string"
    ):
        allowed_origins({"CORS": ["*"]})
    with pytest.raises(
        LocalProjectError, match=r"Host in local\.settings\.json must be a JSON object"
    ):
        local_host({"Host": "*"})


def test_a_clone_lists_no_origins() -> None:
    settings = json.loads((ROOT / "local.settings.json").read_text())

    assert allowed_origins(local_host(settings)) == []
