"""Receives a file over HTTP from a server that may send anything, at any pace, without end.

This is written with `http.client`, since the libraries above it read the body of a redirect as a
whole, and limit only the time between two bytes.
"""

from __future__ import annotations

import io
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import socket
from typing import Any, cast
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from .._version import __version__
from .content import PIECE
from .errors import DataError

TIMEOUT = 10  # seconds to connect, then to answer, then for each LEAST bytes of the file
LEAST = 4096
_MOST_REDIRECTS = 5
_LONGEST_TEXT = 100  # of what a server says, in an error
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def receive(url: str, limit: int) -> Generator[bytes, None, None]:
    """The file at an address, in pieces.

    Raises DataError with the reason if the server does not send a whole file of at most `limit`
    bytes, and never another exception.
    """
    place = url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            with _answer(place) as (response, clock):
                if response.status == 200:
                    yield from _read_body(response, clock, limit)
                    return
                place = _find_next_place(place, response)
        raise DataError(f"more than {_MOST_REDIRECTS} redirects")
    except MemoryError:
        raise
    # What a server says can make http.client, ssl, idna and urllib raise errors of many kinds.
    except Exception as error:
        where = "" if place == url else f" (after a redirect to {_quoted(place)})"
        raise DataError(f"{_explain(error)}{where}") from error


class _Clock:
    """The time that the server has left for its next step."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._end = time.monotonic() + TIMEOUT

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Timed(io.RawIOBase):
    """What a socket receives until the time is over, in however many pieces it comes."""

    def __init__(self, connected: socket, clock: _Clock) -> None:
        self._socket, self._clock = connected, clock

    def makefile(self, *_: Any) -> io.BufferedReader:
        """What HTTPResponse asks a socket for."""
        return io.BufferedReader(self, PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._clock.left())
        try:
            return self._socket.recv_into(buffer)
        finally:
            self._socket.settimeout(TIMEOUT)  # TLS begins after the answer of a proxy


class _TimedResponse(HTTPResponse):
    """An answer of which each step takes at most the time on the clock."""

    def __init__(self, connected: socket, clock: _Clock, method: str) -> None:
        super().__init__(cast(socket, _Timed(connected, clock)), method=method)


class _ProxyResponse(_TimedResponse):
    """What http.client reads, header after header, when it opens a tunnel."""

    def __init__(self, connected: socket, method: str) -> None:
        super().__init__(connected, _Clock(), method)


@contextmanager
def _answer(url: str) -> Iterator[tuple[HTTPResponse, _Clock]]:
    """The status and the headers; the body is yet to be read."""
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise DataError("expected an address http://HOST/FILE or https://HOST/FILE")
    proxy = _find_proxy(target)
    connection, request = _prepare(target, proxy)
    try:
        connection.connect()
        headers = {"User-Agent": f"minicnn/{__version__}", "Connection": "close"}
        connection.request("GET", request, headers=headers | _authorization(target, proxy))
        clock = _Clock()
        response = _TimedResponse(connection.sock, clock, "GET")
        try:
            response.begin()
            yield response, clock
        finally:
            response.close()
    except OSError as error:
        if proxy is None:
            raise
        name = f"{proxy.hostname}:{proxy.port or 80}"
        raise DataError(f"{_explain(error)}, through the proxy {_quoted(name)}") from error
    finally:
        connection.close()


def _prepare(target: SplitResult, proxy: SplitResult | None) -> tuple[HTTPConnection, str]:
    """A connection, not yet open, and what to ask for there."""
    is_secure = target.scheme == "https"
    port = target.port or (443 if is_secure else 80)
    path = urlunsplit(("", "", target.path or "/", target.query, ""))
    host = str(target.hostname)
    there = (host, port) if proxy is None else (str(proxy.hostname), proxy.port or 80)
    if not is_secure:
        whole = f"http://{target.netloc.rpartition('@')[2]}{path}"
        return HTTPConnection(*there, timeout=TIMEOUT), path if proxy is None else whole
    connection = HTTPSConnection(*there, timeout=TIMEOUT, context=_make_context())
    if proxy is not None:
        connection.set_tunnel(host, port, _login(proxy))
        connection.response_class = _ProxyResponse
    return connection, path


def _find_proxy(target: SplitResult) -> SplitResult | None:
    """The proxy that the environment or the system names for this address."""
    if proxy_bypass(str(target.hostname)):
        return None
    proxies = getproxies()
    address = proxies.get(target.scheme) or proxies.get("all")
    if not address:
        return None
    expected = "expected http://HOST:PORT"
    try:
        proxy = urlsplit(address if "://" in address else f"http://{address}")
        _ = proxy.port
    except ValueError as error:  # without the address, which may hold a password
        raise DataError(f"the proxy cannot be used, {expected}") from error
    if proxy.scheme != "http" or not proxy.hostname:
        kind = f"{proxy.scheme}://{proxy.hostname or ''}"
        raise DataError(f"the proxy {_quoted(kind)} cannot be used, {expected}")
    return proxy


def _authorization(target: SplitResult, proxy: SplitResult | None) -> dict[str, str]:
    """The login at the proxy; where there is a tunnel, opening it has sent the login already."""
    return _login(proxy) if proxy is not None and target.scheme == "http" else {}


def _login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}


def _make_context() -> ssl.SSLContext:
    """Trusts the certificates that the environment names, or else the system's and certifi's."""
    for variable in _CERTIFICATES:
        if path := os.environ.get(variable):
            try:
                if os.path.isdir(path):
                    return ssl.create_default_context(capath=path)
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                reason = _explain(error)
                raise DataError(f"{variable} names the certificates {path}: {reason}") from error
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _find_next_place(url: str, response: HTTPResponse) -> str:
    """Where a redirect leads to. Its body is not read: it may have no end."""
    location = response.headers["Location"]
    if response.status not in (301, 302, 303, 307, 308) or location is None:
        raise DataError(f"{response.status} {_quoted(response.reason)}".rstrip())
    try:
        # http.client decodes headers as latin-1; these are the bytes that were sent.
        sent = quote(str(location).encode("latin-1"), safe="!#$%&'()*+,/:;=?@[]~")
        return urljoin(url, sent)
    except ValueError as error:
        raise DataError(f"a redirect to {_quoted(location)} ({error})") from error


def _read_body(response: HTTPResponse, clock: _Clock, limit: int) -> Iterator[bytes]:
    promised = _read_length(response, limit)
    received = goal = 0
    try:
        while piece := response.read1(PIECE):
            received += len(piece)
            if received > limit:
                raise DataError(f"sends more than {limit:,} bytes")
            yield piece
            if received >= goal:
                clock.restart()
                goal = received + LEAST
    except TimeoutError as error:
        raise DataError(
            f"too slow: {received:,} bytes, then less than {LEAST:,} in {TIMEOUT} s"
        ) from error
    if promised is not None and received < promised:
        raise DataError(f"broke off after {received:,} of {promised:,} bytes")


def _read_length(response: HTTPResponse, limit: int) -> int | None:
    """How many bytes the server says it will send, if it does."""
    found = {str(text).strip() for text in response.headers.get_all("Content-Length", [])}
    if response.chunked or not found:
        return None
    text = found.pop()
    if found or not (text.isascii() and text.isdecimal()):
        raise DataError(f"Content-Length: {_quoted(', '.join([text, *found]))}, expected a number")
    if len(text) > 18 or int(text) > limit:
        raise DataError(f"promises {_quoted(text)} bytes, expected at most {limit:,}")
    return int(text)


def _explain(error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({_quoted(error.verify_message)})"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return _quoted(error.strerror)
    said = f"{type(error).__name__}: {_quoted(error)}"
    is_answer = isinstance(error, ssl.SSLError | HTTPException)
    return f"no valid answer ({said})" if is_answer else said


def _quoted(said: object) -> str:
    """What a server says, without anything that a terminal would obey."""
    text = ascii(str(said))[1:-1]
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
