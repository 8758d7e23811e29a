"""The local server over HTTP."""

import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK
from tests.support.local_server import (
    LocalServer,
    RunServer,
)

FOREIGN = {"Origin": "https://evil.example.com"}


def test_prints_each_function_and_a_working_request(
    server: LocalServer, server_database: Database[Document]
) -> None:
    for function in ("feedback", "analytics"):
        assert f"{function}_function" in server.printed
        url = server.client.base_url.join(f"/api/{function}")
        [line] = [line for line in server.printed.splitlines() if f"curl -i {url} -d" in line]
        body = line.split("'")[1]
        assert server.client.post(f"/api/{function}", content=body).status_code < 300
        assert server_database[function].count_documents({}) == 1


def test_logs_only_requests_after_its_start(run_server: RunServer, mongodb_uri: str) -> None:
    with run_server(MONGODB_URI=mongodb_uri) as server:
        server.client.get("/")
        deadline = time.monotonic() + 10
        while not server.log and time.monotonic() < deadline:
            time.sleep(0.01)

        assert [line.split('"')[1:2] for line in server.log if line.strip()] == [["GET / HTTP/1.1"]]


def test_responses_have_the_functions_status_headers_and_body(server: LocalServer) -> None:
    response = server.client.post("/api/feedback", json={})

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["pointer"] == "#/message_id"
    response = server.client.post("/api/feedback", headers={"Content-Encoding": "br"}, content=b"x")
    assert response.status_code == 415
    assert response.headers["Accept-Encoding"] == "gzip"


def test_passes_a_gzip_body_on_unchanged(
    server: LocalServer, server_database: Database[Document]
) -> None:
    body = gzip.compress(json.dumps([EVENT, EVENT]).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    assert server.client.post("/api/analytics", content=body, headers=headers).status_code == 202
    assert server_database.analytics.count_documents({}) == 2


def test_refuses_a_chunked_body(server: LocalServer, server_database: Database[Document]) -> None:
    chunks = (bytes([byte]) for byte in json.dumps(FEEDBACK).encode())
    response = server.client.post("/api/feedback", content=chunks)

    assert response.status_code == 411
    assert "Azure would pass an empty one to the function" in response.text
    assert "WARNING:     devserver: refused with 411" in server.wait_for_log("chunked")
    assert server_database.feedback.count_documents({}) == 0
    # The connection stays open.
    assert server.client.post("/api/feedback", json=FEEDBACK).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api"),
        ("POST", "/feedback"),
        ("POST", "/api/unknown"),
        ("POST", "/api/feedback/5"),
        ("GET", "/api/feedback"),
        ("PUT", "/api/analytics"),
        ("HEAD", "/api/analytics"),
    ],
)
def test_other_routes_get_a_404_without_a_body(server: LocalServer, method: str, path: str) -> None:
    response = server.client.request(method, path)

    assert response.status_code == 404
    assert response.content == b""


@pytest.mark.parametrize("path", ["/api/feedback/", "/API/Feedback"])
def test_matches_routes_as_the_host_does(server: LocalServer, path: str) -> None:
    assert server.client.post(path, json={}).status_code == 422


def test_refuses_a_body_above_the_hosts_limit(server: LocalServer) -> None:
    response = server.client.post("/api/feedback", content=bytes(101 * 2**20))

    assert response.status_code == 413


def test_many_identical_concurrent_feedbacks(
    server: LocalServer, server_database: Database[Document]
) -> None:
    with ThreadPoolExecutor(20) as pool:
        responses = list(
            pool.map(lambda _: server.client.post("/api/feedback", json=FEEDBACK), range(200))
        )

    assert sorted(response.status_code for response in responses) == [200] * 199 + [201]
    assert server_database.feedback.count_documents({}) == 1


def test_a_disconnected_client_does_no_harm(server: LocalServer) -> None:
    address = (server.client.base_url.host, server.client.base_url.port)
    with socket.create_connection(address) as connection:
        connection.sendall(
            b"POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
        )

    assert server.client.post("/api/feedback", json={}).status_code == 422
