"""Download official release files, resume interrupted downloads, and verify pinned checksums.

No file is downloaded without a pinned checksum, and no file is unpacked before its checksum has
been compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from daemonset_course.binaries.archive import unpack
from daemonset_course.environment import is_loopback
from daemonset_course.errors import DownloadFailed, FileFailed, NoAnswerError
from daemonset_course.progress import amount, step

if TYPE_CHECKING:
    import httpx

    from daemonset_course.progress import Report

PAUSES = (0.5, 2.0)  # seconds before the second and the third try
_CHUNK = 1 << 20
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")

Pause = Callable[[float], object]


@dataclass(frozen=True)
class File:
    """A release file: its address, its checksum, and the program's path in it.

    Attributes:
        base: the address of the official server.
        path: the path on the server; a mirror has the same path.
        checksum: ``sha256:…`` or ``sha512:…``.
        member: the program's path in the archive; empty if the file is the program.
    """

    base: str
    path: str
    checksum: str
    member: str = ""

    def url(self, mirror: str = "") -> str:
        """Return the address, on the mirror if one is given."""
        return f"{(mirror or self.base).rstrip('/')}/{self.path}"


def install(file: File, target: Path, *, mirror: str = "", report: Report) -> None:
    """Download a release file and write its program to ``target``, executable, whole or not at all.

    Raises:
        DownloadFailed: as ``fetch``; or the archive lacks the program.
        FileFailed: a file cannot be written.
    """
    fetched = target.with_name(f"{target.name}.download")
    fetch(file.url(mirror), file.checksum, fetched, report=report)
    program = target.with_name(f"{target.name}.unpacked")
    try:
        with _file_errors(target.name):
            if file.member:
                unpack(fetched, file.member, program)
            else:
                fetched.replace(program)
            program.chmod(0o755)
            program.replace(target)
    finally:
        program.unlink(missing_ok=True)
        fetched.unlink(missing_ok=True)


class _CutOffError(Exception):
    """The connection ended before the end of the file, or the server asks for a later retry."""


class _Part:
    """The part of a file that has been downloaded, and its digest."""

    def __init__(self, path: Path, algorithm: str) -> None:
        self._path, self._algorithm = path, algorithm
        # Readable by the owner only, until the checksum has been compared.
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._hash = hashlib.new(algorithm)
        self.size = 0
        for chunk in iter(lambda: self._file.read(_CHUNK), b""):
            self._count(chunk)

    @property
    def digest(self) -> str:
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._count(chunk)

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash, self.size = hashlib.new(self._algorithm), 0

    def close(self) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        if not self.size:
            self._path.unlink()

    def _count(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)


def fetch(
    url: str, checksum: str, target: Path, *, report: Report, pause: Pause | None = None
) -> None:
    """Download ``url`` to ``target``, complete and with this checksum, or not at all.

    An interrupted download is kept beside ``target`` as ``.part``, and a later run continues it. If
    the checksum of a continued download is wrong, the whole file is downloaded again.

    Args:
        url: an http or https address; proxies come from the environment.
        checksum: ``sha256:…`` or ``sha512:…``.
        target: the path of the file, in an existing folder.
        report: gets the number of bytes.
        pause: waits the given seconds between two tries.

    Raises:
        DownloadFailed: the file is missing or refused, its checksum is wrong, the connection broke
            three times, or there is no network.
        FileFailed: the file cannot be written.
    """
    path = target.with_name(f"{target.name}.part")
    wait = pause or threading.Event().wait
    name = PurePosixPath(url).name
    with _file_errors(name), step(report, f"Downloading {name}"):
        with contextlib.closing(_Part(path, checksum.partition(":")[0])) as part:
            resumed = part.size > 0
            if part.digest != checksum:
                _receive(url, part, report, wait)
            if part.digest != checksum and resumed:
                part.restart()
                _receive(url, part, report, wait)
        if part.digest != checksum:
            path.unlink(missing_ok=True)
            raise _wrong_checksum(url, part.digest, checksum)
        path.replace(target)
        report.done(f"Downloaded {name} ({amount(part.size, 'MB')} MB)")


def _receive(url: str, part: _Part, report: Report, pause: Pause) -> None:
    """Download the rest of the file, in up to three tries."""
    cut: _CutOffError | None = None
    with _client(url) as client:
        for seconds in (*PAUSES, None):
            try:
                return _try(client, url, part, report)
            except _CutOffError as error:
                cut = error
            if seconds is not None:
                pause(seconds)
    raise DownloadFailed(
        f"{url} was cut off {len(PAUSES) + 1} times.",
        seen=f"{cut}; {part.size:,} bytes are kept",
        next_step="Run the same command again: the download continues where it stopped.",
    ) from cut


def _client(url: str) -> httpx.Client:
    """Return a client with the proxies of the environment; with none for a mirror on this machine.

    Raises:
        NoAnswerError: a proxy or a certificate of the environment cannot be used.
    """
    import httpx  # noqa: PLC0415 - 40 ms

    timeout = httpx.Timeout(30, connect=10)
    try:
        direct = httpx.HTTPTransport() if is_loopback(url) else None
        return httpx.Client(follow_redirects=True, timeout=timeout, transport=direct)
    except OSError as error:
        raise NoAnswerError(
            f"{url} cannot be requested: a file named by the environment cannot be used.",
            seen=f"{error}; {', '.join(_certificates()) or 'no variable names one'}",
            next_step=f"Correct or unset {', '.join(CERTIFICATES)}.",
        ) from error
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        raise NoAnswerError(
            f"{url} cannot be requested: a proxy of the environment cannot be used.",
            seen=str(error),
            next_step="Correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY.",
        ) from error


def _certificates() -> list[str]:
    """Return the variables that are set of those by which OpenSSL finds certificates."""
    return [f"{name}={os.environ[name]}" for name in CERTIFICATES if os.environ.get(name)]


def _try(client: httpx.Client, url: str, part: _Part, report: Report) -> None:
    import httpx  # noqa: PLC0415 - 40 ms

    # identity: the checksum is of the file as published, not of a server's compression of it.
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    try:
        with client.stream("GET", url, headers=headers) as response:
            _write(response, part, report)
    except (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError) as error:
        raise _CutOffError(str(error) or type(error).__name__) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswerError(
            f"{url} cannot be reached.",
            seen=str(error) or type(error).__name__,
            next_step="Check the network and the proxy settings, or set COURSE_MIRROR.",
        ) from error


def _write(response: httpx.Response, part: _Part, report: Report) -> None:
    _accept(response, part)
    name = PurePosixPath(response.request.url.path).name
    length = response.headers.get("Content-Length")
    report.start(f"Downloading {name}", part.size + int(length) if length else None, "MB")
    report.advance(part.size)
    for chunk in response.iter_raw():  # with a chunk size httpx would drop the bytes before a break
        part.write(chunk)
        report.advance(len(chunk))


def _accept(response: httpx.Response, part: _Part) -> None:
    """Act on the status (RFC 9110, 14.4 and 15): continue, restart the part, retry, or fail."""
    status, answer = response.status_code, f"{response.status_code} {response.reason_phrase}"
    continued = response.headers.get("Content-Range", "").startswith(f"bytes {part.size}-")
    if status == 206 and continued:
        return
    if status in (200, 206, 416):  # 416: the part is longer than the file
        part.restart()
    if status == 200:
        return
    if status in (206, 416, 429) or status >= 500:
        raise _CutOffError(f"the server answered {answer}")
    raise DownloadFailed(
        f"{response.url} is not there.",
        seen=f"the server answered {answer}",
        next_step="Check COURSE_MIRROR: a mirror serves the same paths as the official server.",
    )


def _wrong_checksum(url: str, seen: str, expected: str) -> DownloadFailed:
    return DownloadFailed(
        f"{url} is not the file that the course expects; it was removed.",
        seen=f"checksum {seen}, expected {expected}",
        next_step="Check the mirror (COURSE_MIRROR) or the proxy: one of them changed the file.",
    )


@contextlib.contextmanager
def _file_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileFailed(
            f"{name} could not be written.",
            seen=str(error),
            next_step="Free some space, or set COURSE_CACHE to a folder on another disk.",
        ) from error
