"""A download server with many bad manners, each by name with the reason that minicnn should give.

The first folder of an address is the manner: /html/FILE. The server writes bytes to the socket, as
no library for servers would send most of this.
"""

from __future__ import annotations

import gzip
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NO_ANSWER = r"no answer within [\d.]+ s$"
TOO_SLOW = r"too slow: [\d,]+ bytes, then less than 4,096 in [\d.]+ s$"
TOO_MUCH = r"sends more than \d+ bytes$"
NO_REDIRECT_BODY = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"


class Answer(socketserver.StreamRequestHandler):
    """Reads a request and answers in the manner that its address names."""

    server: Server

    def handle(self) -> None:
        with suppress(OSError):
            if self.rfile.peek(1).startswith(b"\x16"):  # type: ignore[attr-defined]
                self.send(b"HTTP/1.1 400 This is TLS\r\n\r\n")
                return
            first = self.rfile.readline().split()
            while self.rfile.readline().strip():
                pass
            path = first[1].decode()
            self.server.requests.append(path)
            _, folder, name = path.split("/", 2)
            MANNERS[folder](self, self.server.files.get(name, b""))

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def send(self, content: bytes) -> None:
        self.wfile.write(content)

    def ok(self, body: bytes, *headers: str, length: object = None) -> None:
        """A proper answer with this body, unless the arguments make it less proper."""
        promised = len(body) if length is None else length
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {promised}", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def ok_until_closed(self, body: bytes, *headers: str) -> None:
        self.send("\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body)

    def chunks(self, *chunks: bytes) -> None:
        self.ok_until_closed(b"".join(chunks), "Transfer-Encoding: chunked")

    def repeat(self, content: bytes, pause: float = 0) -> None:
        """Send this until the other side hangs up or the test ends."""
        while not self.server.release.wait(pause):
            self.send(content)

    def wait(self) -> None:
        self.server.release.wait(10)

    def reset(self) -> None:
        """Close in a way that the other side sees as an error."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class Server(socketserver.ThreadingTCPServer):
    """Has these files and notes each request."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.raw = b""  # what the manner "raw" sends
        self.requests: list[str] = []
        self.release = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def mirror(self, manner: str) -> str:
        scheme = "https" if manner.startswith("tls-") else "http"
        return f"{self.address.replace('http', scheme, 1)}/{manner}/"

    def handle_error(self, *_: object) -> None:
        """Silent: the base class writes to standard error."""


@contextmanager
def running(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def bomb() -> bytes:
    """50 kB of zeros in some 80 bytes, whose header promises a gigabyte."""
    return gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 1024, 1024, 1024) + bytes(50_000))


Manner = Callable[[Answer, bytes], None]


def _status(status: str, body: bytes = b"") -> Manner:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda answer, _: answer.send(head.encode("latin-1") + body)


def _redirect(location: bytes) -> Manner:
    return lambda answer, _: answer.send(NO_REDIRECT_BODY % location)


def _redirect_with_endless_body(answer: Answer, _: bytes) -> None:
    answer.send(b"HTTP/1.1 302 Found\r\nLocation: /forbidden/x\r\n\r\n")
    answer.repeat(bytes(1 << 16))


def _stop(answer: Answer, good: bytes) -> None:
    answer.ok(good[: len(good) // 2], length=len(good))
    answer.wait()


def _trickle(answer: Answer, good: bytes) -> None:
    answer.ok(b"", length=len(good))
    for place in range(len(good)):
        answer.send(good[place : place + 1])
        answer.server.release.wait(0.03)


def _trickle_headers(answer: Answer, _: bytes) -> None:
    answer.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    answer.repeat(b"x", 0.03)


def _endless(head: bytes, again: bytes) -> Manner:
    def send(answer: Answer, _: bytes) -> None:
        answer.send(head)
        answer.repeat(again)

    return send


def _reset_in_body(answer: Answer, good: bytes) -> None:
    answer.ok(good[: len(good) // 2], length=len(good))
    answer.wfile.flush()
    answer.server.release.wait(0.02)
    answer.reset()


def _endless_trailers(answer: Answer, good: bytes) -> None:
    answer.chunks(chunk(good), b"0\r\n")
    answer.repeat(b"X-More: of them\r\n" * 1000)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HTML = b"<!DOCTYPE html><html>Please accept our cookies</html>"

BAD: dict[str, tuple[Manner, str]] = {
    # What it says first.
    "forbidden": (_status("403 Forbidden"), "403 Forbidden$"),
    "not-found": (_status("404 Not Found", HTML), "404 Not Found$"),
    "broken": (_status("500 Internal Server Error"), "500 Internal Server Error$"),
    "no-content": (_status("204 No Content"), "204 No Content$"),
    "partial": (lambda a, good: _status("206 Partial Content", good)(a, good), "206 Partial"),
    "not-modified": (_status("304 Not Modified"), "304 Not Modified$"),
    "status-999": (_status("999 Request denied"), "999 Request denied$"),
    "status-text": (_status("fine thanks"), r"no valid answer \(BadStatusLine: .*fine thanks"),
    "status-negative": (_status("-200 OK"), r"no valid answer \(BadStatusLine"),
    "status-escapes": (_status("403 \x1b[31m\x07red"), r"403 \\x1b\[31m\\x07red$"),
    "other-protocol": (lambda a, _: a.send(b"SSH-2.0-OpenSSH_9\r\n"), ".*BadStatusLine: SSH-2.0"),
    "other-version": (lambda a, g: a.send(b"HTTP/9.9 200 OK\r\n\r\n" + g), ".*UnknownProtocol"),
    "no-headers": (lambda a, good: a.send(good), r"no valid answer \(BadStatusLine"),
    "not-utf8": (
        lambda a, _: a.send(b"\xff\xfe\xfd 200\r\n\r\n"),
        r".*BadStatusLine: .*\\xff\\xfe",
    ),
    "header-of-100-kB": (lambda a, _: a.send(OK + b"X: " + b"x" * 100_000), ".*LineTooLong"),
    "thousand-headers": (
        lambda a, _: a.send(OK + b"X: y\r\n" * 1000),
        ".*got more than 100 headers",
    ),
    "endless-continue": (_endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), NO_ANSWER),
    "trickling-headers": (_trickle_headers, NO_ANSWER),
    # How much it says there is.
    "length-abc": (lambda a, g: a.ok(g, length="abc"), "Content-Length: abc, expected a number$"),
    "length-negative": (lambda a, g: a.ok(g, length=-5), "Content-Length: -5, expected a number$"),
    "length-empty": (lambda a, g: a.ok(g, length=""), "Content-Length: , expected a number$"),
    "two-lengths": (lambda a, g: a.ok(g, "Content-Length: 7"), r"Content-Length: \d+, \d+, expect"),
    "length-huge": (lambda a, g: a.ok(g, length=10**30), r"promises 10+ bytes, expected at most"),
    "length-too-large": (lambda a, g: a.ok(g, length=10**9), r"promises 1000000000 bytes, expec"),
    "broken-off": (
        lambda a, g: a.ok(g[: len(g) // 2], length=len(g)),
        r"broke off after \d+ of \d+ bytes$",
    ),
    "more-than-promised": (lambda a, g: a.ok(g, length=len(g) // 2), "found a damaged gzip stream"),
    "stops": (_stop, TOO_SLOW),
    "trickles": (_trickle, TOO_SLOW),
    "endless": (_endless(OK + b"\r\n", gzip.compress(b"")), TOO_MUCH),
    # Where it sends you.
    "redirect-no-address": (
        _redirect(b"http://[::1"),
        r"a redirect to http://\[::1 \(Invalid IPv6",
    ),
    "redirect-empty-label": (_redirect(b"http://a..b/"), r".*label.* redirect to http://a..b/\)$"),
    "redirect-not-utf8": (_redirect(b"http://\xff\xfe/"), r".*after a redirect to http://%FF%FE/"),
    "redirect-port": (_redirect(b"http://127.0.0.1:99999/"), "ValueError: Port out of range"),
    "redirect-spaces": (_redirect(b"/forbidden/a b\x01c"), "403 Forbidden .*/forbidden/a%20b%01c"),
    "redirect-file": (_redirect(b"file:///etc/passwd"), "expected an address http://HOST/FILE"),
    "redirect-nowhere": (_status("302 Found"), "302 Found$"),
    "redirect-endless": (_redirect(b"/redirect-endless/x"), "more than 5 redirects"),
    "redirect-body": (_redirect_with_endless_body, "403 Forbidden .after a redirect to http://127"),
    # How it splits the content.
    "chunk-size": (lambda a, g: a.chunks(b"zz\r\n", g), r"no valid answer \(IncompleteRead"),
    "chunk-negative": (lambda a, g: a.chunks(b"-5\r\n", g), "(found|no valid answer|sends more)"),
    "chunk-cut": (lambda a, g: a.chunks(chunk(g)[:-20]), r"no valid answer \(IncompleteRead"),
    "chunk-not-ended": (lambda a, g: a.chunks(chunk(g)), r"no valid answer \(IncompleteRead"),
    "chunks-endless": (_endless(OK + CHUNKED, chunk(gzip.compress(b""))), TOO_MUCH),
    "trailers-endless": (_endless_trailers, TOO_SLOW),
    # What it sends.
    "html": (lambda a, _: a.ok(HTML), "found b'<!DO' at the start, which looks like an HTML page"),
    "directory": (
        lambda a, _: a.ok(b"\n<html>Index of /"),
        "found .*which looks like an HTML page",
    ),
    "empty": (lambda a, _: a.ok(b""), "found an empty file, expected an IDX header"),
    "cut": (lambda a, g: a.ok(g[: len(g) // 2]), "found a damaged gzip stream .it is cut off"),
    "altered": (
        lambda a, g: a.ok(gzip.compress(gzip.decompress(g)[:-1] + b"\xff")),
        "found the SH",
    ),
    "one-byte-less": (
        lambda a, g: a.ok(gzip.decompress(g)[:-1]),
        r"found \d+ bytes, expected \d+$",
    ),
    "more-behind": (lambda a, g: a.ok(g + b"more"), "found a damaged gzip stream .*incorrect head"),
    "gzip-sum": (lambda a, g: a.ok(g[:-8] + b"12345678"), "found a damaged gzip stream .*check"),
    "bomb": (lambda a, _: a.ok_until_closed(bomb()), "found more than the [0-9,]+ by"),
    "encoded-bomb": (
        lambda a, _: a.ok_until_closed(bomb(), "Content-Encoding: gzip"),
        "found more than the [0-9,]+ bytes of the content$",
    ),
    "encoded-twice": (lambda a, g: a.ok(gzip.compress(g), "Content-Encoding: gzip"), "found "),
    # How it treats the connection.
    "closes": (lambda a, _: None, "no valid answer .RemoteDisconnected"),
    "resets": (lambda a, _: a.reset(), "(Connection reset by peer|no valid answer)"),
    "resets-in-body": (_reset_in_body, "Connection reset by peer$"),
    "silent": (lambda a, _: a.wait(), NO_ANSWER),
    "tls-not-spoken": (lambda a, _: None, r"no valid answer \(SSL"),
}

# Unusual, but the file arrives.
GOOD: dict[str, Manner] = {
    "good": lambda a, good: a.ok(good),
    "unpacked": lambda a, good: a.ok(gzip.decompress(good)),
    "recompressed": lambda a, good: a.ok(gzip.compress(gzip.decompress(good), 1)),
    "two-members": lambda a, good: a.ok(
        gzip.compress(gzip.decompress(good)[:50]) + gzip.compress(gzip.decompress(good)[50:])
    ),
    "zeros-behind": lambda a, good: a.ok(good + bytes(20)),
    "labelled": lambda a, good: a.ok(good, "Content-Encoding: gzip"),
    "until-closed": lambda a, good: a.ok_until_closed(good),
    "in-chunks": lambda a, good: a.chunks(*(chunk(good[i : i + 7]) for i in range(0, 999, 7))),
    "redirect": lambda a, _: a.send(NO_REDIRECT_BODY % b"/good/train-images-idx3-ubyte.gz"),
    "after-continue": lambda a, good: (a.send(b"HTTP/1.1 100 Continue\r\n\r\n"), a.ok(good)),
}
MANNERS: dict[str, Manner] = {
    **{name: manner for name, (manner, _) in BAD.items()},
    **GOOD,
    "raw": lambda answer, _: answer.send(answer.server.raw),
}
