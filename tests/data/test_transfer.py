"""What a server may send is in support/bad_servers.py; here is the way to it, and chance."""

from __future__ import annotations

import gzip
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bad_servers import OK, Server, chunk, running

from minicnn.data import DataError, transfer
from minicnn.data.transfer import receive

FILE = b"The file. " * 20
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *map(str.upper, PROXIES), *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with running(Server({"file": FILE})) as server:
        yield server


def get(url: str, limit: int = 10_000) -> bytes:
    with closing(receive(url, limit)) as pieces:
        return b"".join(pieces)


def reason(url: str) -> str:
    with pytest.raises(DataError) as caught:
        get(url)
    return str(caught.value)


def test_it_arrives(site: Server) -> None:
    assert get(f"{site.mirror('good')}file") == FILE


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://[::1", "ValueError: Invalid IPv6 URL"),
        ("http://a..b/file", "label"),
        ("http:///file", "expected an address http://HOST/FILE or https://HOST/FILE"),
        ("ftp://host/file", "expected an address http://HOST/FILE or https://HOST/FILE"),
        ("http://host:port/file", "ValueError: Port could not be cast to integer value as 'port'"),
        ("http://nosuch.invalid/file", ""),  # the words are the system's
        ("http://127.0.0.1:1/file", "Connection refused"),
        ("http://\udcff/", "Unicode"),
    ],
)
def test_addresses_of_all_kinds_are_refused_with_a_reason(url: str, expected: str) -> None:
    assert expected in reason(url)


# Proxies and certificates.


class Proxy(socketserver.StreamRequestHandler):
    """Connects to any port of this machine; asks for a login if the server has one."""

    def handle(self) -> None:
        lines = [self.rfile.readline().decode()]
        while (line := self.rfile.readline().decode()).strip():
            lines.append(line)
        self.server.asked.append(lines[0].strip())
        if self.server.login and f"Proxy-Authorization: Basic {self.server.login}\r\n" not in lines:
            self.wfile.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = lines[0].split()
        place = target.removeprefix("http://").split("/")[0]
        with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as there:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                sender = threading.Thread(target=self.pump, args=(self.connection, there))
                sender.start()
                self.pump(there, self.connection)
                sender.join()
            else:
                path = target.partition(place)[2]
                there.sendall(f"{method} {path} HTTP/1.1\r\n\r\n".encode())
                self.pump(there, self.connection)

    @staticmethod
    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A proxy for all addresses, named in the environment."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
    server.asked, server.login, server.release = [], "", threading.Event()
    address = f"http://me:my%20word@127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("HTTPS_PROXY", address)
    with running(server):
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1, signed by itself, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=minicnn", "-addext"),
            *("subjectAltName=IP:127.0.0.1", "-keyout", path.with_name("key"), "-out", path),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + path.with_name("key").read_bytes())
    return path


@pytest.fixture
def tls_site(certificate: Path) -> Iterator[Server]:
    server = Server({"file": FILE})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.address = server.address.replace("http", "https")
    with running(server):
        yield server


def test_a_proxy_is_used(site: Server, proxy: Server) -> None:
    url = f"{site.mirror('good')}file"
    assert get(url) == FILE
    assert proxy.asked == [f"GET {url} HTTP/1.1"]


def test_a_proxy_for_tls(
    tls_site: Server, proxy: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert get(f"{tls_site.address}/good/file") == FILE
    assert [line.split()[0] for line in proxy.asked] == ["CONNECT"]


def test_a_proxy_that_wants_a_login(
    site: Server, tls_site: Server, proxy: Server, certificate: Path, monkeypatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    proxy.login = "bWU6bXkgd29yZA=="  # me:my word
    assert get(f"{site.mirror('good')}file") == FILE
    assert get(f"{tls_site.address}/good/file") == FILE
    proxy.login = "another"
    assert reason(f"{site.mirror('good')}file") == "407 Who are you"
    said = reason(f"{tls_site.address}/good/file")
    assert "Tunnel connection failed: 407 Who are you" in said
    assert f"through the proxy 127.0.0.1:{proxy.server_address[1]}" in said
    assert "word" not in said


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://nosuch.invalid:1", ", through the proxy nosuch.invalid:1"),
        ("nosuch.invalid:1", ", through the proxy nosuch.invalid:1"),
        ("http://127.0.0.1:1", "Connection refused, through the proxy 127.0.0.1:1"),
        ("socks5://127.0.0.1:1", "the proxy socks5://127.0.0.1 cannot be used, expected http://"),
        ("http://", "the proxy http:// cannot be used, expected http://HOST:PORT"),
        ("http://a:b@[::1", "the proxy cannot be used, expected http://HOST:PORT"),
        ("http://me:word", "the proxy cannot be used, expected http://HOST:PORT"),
        ("http://host:99999", "the proxy cannot be used, expected http://HOST:PORT"),
    ],
)
def test_a_proxy_that_does_not_exist_is_named(
    scheme: str, address: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "https":
        pytest.importorskip("certifi", reason="certifi is not installed")
    monkeypatch.setenv(f"{scheme}_proxy", address)
    said = reason(f"{scheme}://localhost/file")
    assert expected in said
    assert "word" not in said


@pytest.mark.parametrize(
    ("head", "again"),
    [(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), (b"", b"H")],
    ids=["headers", "status"],
)
@pytest.mark.parametrize("pause", [0, 0.03])
def test_a_proxy_whose_answer_has_no_end(
    head: bytes, again: bytes, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """http.client reads the headers of a proxy until they end."""
    pytest.importorskip("certifi", reason="certifi is not installed")

    class Endless(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.wfile.write(head)
                while not self.server.release.wait(pause):
                    self.wfile.write(again if pause else again * 1000)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endless)
    server.release = threading.Event()
    monkeypatch.setattr(transfer, "TIMEOUT", 0.3)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    with running(server):
        said = reason("https://localhost/file")
    # Which one depends on whether it is the time, the line or the headers that come to an end.
    assert "no answer within 0.3 s" in said or "no valid answer" in said


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_certificates_that_do_not_exist_are_named(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere")
    message = f"{variable} names the certificates /nowhere: No such file or directory"
    assert reason("https://localhost/file") == message
    (tmp_path / "empty").write_bytes(b"")
    monkeypatch.setenv(variable, str(tmp_path / "empty"))
    message = f"{variable} names the certificates {tmp_path / 'empty'}: no valid answer"
    assert reason("https://localhost/file").startswith(message)


def test_certificates(tls_site: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("certifi", reason="certifi is not installed")
    url = f"{tls_site.address}/good/file"
    assert reason(url) == "its certificate is not trusted (self-signed certificate)"
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate))
    assert get(url) == FILE
    said = reason(url.replace("127.0.0.1", "localhost"))
    assert "certificate is not valid for 'localhost'" in said
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate.parent))  # no folder made by c_rehash
    assert reason(url).startswith("its certificate is not trusted")


# Chance. HYPOTHESIS_PROFILE=exhaustive tries 2,000 answers.

ANSWERS = (
    OK + b"Content-Length: 200\r\n\r\n" + FILE,
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(FILE[:99]) + chunk(FILE[99:]) + chunk(b""),
    b"HTTP/1.1 302 Found\r\nLocation: /good/file\r\n\r\n",
    gzip.compress(FILE),
)


@given(data=st.data())
def test_answers_that_are_altered_are_an_error_or_bytes(data: st.DataObject, site: Server) -> None:
    answer = bytearray(data.draw(st.sampled_from(ANSWERS)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(answer)))
        cut = data.draw(st.integers(0, 5))
        answer[place : place + cut] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"\r\n", b"\n\n", b":", b"999", b"-", b"[::"])
        )
    site.raw = bytes(answer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "TIMEOUT", 1)
        patch.setenv("NO_PROXY", "*")
        with suppress(DataError):
            get(f"{site.mirror('raw')}file")
