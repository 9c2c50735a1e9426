"""Contents of any size, from and to files: resumed where they were cut short."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import pathlib
import resource
import shutil
import stat
import tempfile
import time
import typing

import grpc
from grpc_os.checksums import checksum
from grpc_os.calls import Repeats
from grpc_os.errors import GrpcOSError
from grpc_os.object_reading import Reading, data_loss
from grpc_os.object_requests import OBJECTS, Expiry, condition_proto, object_proto
from grpc_os.objects import ObjectCalls
from grpc_os.v1 import filesystem_services_pb2
from grpc_os.v1.resources import Condition, Object, Upload

_PIECE_BYTES = 1 << 20
# One stream ends after so much, so that what is durable is known now and then.
_STREAM_BYTES = 64 << 20
# How long an upload that ends otherwise is tidied up.
_GIVE_UP_S = 5.0
_GIVING_UP: set[asyncio.Future[None]] = set()

Progress = typing.Callable[[int], None]
"""Called with the number of bytes that are transferred."""


class TransferCalls(ObjectCalls):
    """Contents from and to files."""

    async def upload_object(
        self,
        name: str,
        source: str | os.PathLike[str] | bytes | typing.BinaryIO,
        metadata: typing.Mapping[str, str] | None = None,
        *,
        content_type: str = "",
        expires: Expiry | None = None,
        condition: Condition | None = None,
        progress: Progress | None = None,
        request_id: str = "",
    ) -> Object:
        """Stores the content of a file (by its path, or open for reading), or bytes, of any size; over lost connections
        and restarts of the daemon it goes on where it was. What has no size of its own (a pipe, a file of /proc) is read to
        its end first. TypeError for a file that is open as text.

        However it ends, cancelled too, nothing is left of it in the daemon; only if that is away and the call has a
        `request_id` of its own, the same call goes on within 24 h. For an upload that another run of the program may go
        on with, `start_upload` gives the id, and `resume_upload` does the rest.
        """
        async with _opened(source) as file:
            # A task of its own: where this one is cancelled, it is still known what was begun.
            started = asyncio.ensure_future(
                self.start_upload(
                    name,
                    metadata,
                    content_type=content_type,
                    expires=expires,
                    condition=condition,
                    size=_size_of(file),
                    request_id=request_id,
                )
            )
            try:
                return await self._send(await asyncio.shield(started), file, progress)
            except BaseException as error:
                if not _goes_on(error, request_id):
                    # Also for whoever is cancelled once more. The loop alone would not keep the task.
                    giving_up = asyncio.ensure_future(self._give_up(started))
                    _GIVING_UP.add(giving_up)
                    giving_up.add_done_callback(_GIVING_UP.discard)
                    await asyncio.shield(giving_up)
                raise

    async def _give_up(self, started: asyncio.Future[Upload]) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_GIVE_UP_S):
                await self.cancel_upload((await started).id)

    async def start_upload(
        self,
        name: str,
        metadata: typing.Mapping[str, str] | None = None,
        *,
        content_type: str = "",
        expires: Expiry | None = None,
        condition: Condition | None = None,
        size: int | None = None,
        request_id: str = "",
    ) -> Upload:
        """Begins an upload: nothing is seen of it before it is finished. It is kept for 24 h after its last piece, unless
        its user begins so many more that the longest idle ones give way (UPLOAD_SUPERSEDED)."""
        request = filesystem_services_pb2.StartUploadRequest(
            object=object_proto(name, metadata, content_type, expires),
            preconditions=condition_proto(condition),
            size_bytes=size,
        )
        return Upload(await self._change(OBJECTS, "StartUpload", request, request_id))

    async def resume_upload(
        self,
        upload_id: str,
        source: str | os.PathLike[str] | bytes | typing.BinaryIO,
        *,
        progress: Progress | None = None,
    ) -> Object:
        """Sends what is missing of an upload and makes the object of it. ValueError if `source` does not begin with what
        was sent."""
        async with _opened(source) as file:
            return await self._send(await self.get_upload(upload_id), file, progress)

    async def download_object(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        generation: int = 0,
        progress: Progress | None = None,
    ) -> Object:
        """Writes the content to a file, which is replaced only once all has come and is on disk. What came before an error
        stays in `.NAME.ID.GENERATION.part` beside it, and the next download of the same content goes on after it."""
        stored = await self.get_object(name, generation=generation)
        if stored.folder:
            raise IsADirectoryError(f"{stored.name} is a folder; download what lies in it")
        with _PartFile(pathlib.Path(path), stored) as part:
            try:
                await self._receive(name, stored, part, progress)
            except GrpcOSError as error:
                if error.code() != grpc.StatusCode.DATA_LOSS:
                    raise
                # What an earlier run left is damaged, perhaps: once more from the start. Else there is nothing to keep.
                resumed = part.was_there
                part.restart()
                if not resumed:
                    raise
                await self._receive(name, stored, part, progress)
            part.commit()
        return stored

    async def _receive(self, name: str, stored: Object, part: _PartFile, progress: Progress | None) -> None:
        if stored.generation != 0 and part.size == stored.size:
            if part.crc32c != stored.crc32c:
                raise data_loss(f"what came of {stored.name} has another checksum than was stored with it")
            return
        reading = Reading(self, name, stored.generation, part.size, 0, None, part.crc32c)
        async with contextlib.aclosing(reading.chunks()) as chunks:
            async for chunk in chunks:
                part.append(chunk)
                if progress is not None:
                    progress(part.size)

    async def _send(self, upload: Upload, file: typing.BinaryIO, progress: Progress | None) -> Object:
        if not upload.finished:
            crc32c = _crc32c_of_first(file, upload.persisted)
            if crc32c != upload.crc32c:
                raise ValueError(f"the source does not begin with the {upload.persisted} bytes that were uploaded")
            upload = await self._send_rest(upload, file, progress)
        request = filesystem_services_pb2.FinishUploadRequest(upload_id=upload.id)
        if not upload.finished:
            request.size_bytes = upload.persisted
            request.crc32c = upload.crc32c
        # Repeated, it answers with the object.
        return Object(await self._read(OBJECTS, "FinishUpload", request))

    async def _send_rest(self, upload: Upload, file: typing.BinaryIO, progress: Progress | None) -> Upload:
        repeats, renewed = self._patience(), False
        while True:
            token = await self._credentials.current()
            pieces = _Pieces(upload, file, None if self._timeout is None else self._timeout / 2)
            if not pieces.any:
                return upload
            error: GrpcOSError | None = None
            try:
                after = Upload(await self._client_stream(OBJECTS, "WriteUpload", pieces, token))
            except GrpcOSError as failure:
                error = failure
                # A stream that broke off is perhaps not known to have.
                busy = failure.reason == "UPLOAD_BUSY"
                if not renewed and await self._credentials.renewed_after(failure, token):
                    renewed = True
                elif busy or failure.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    if not await self._again_if_busy(repeats, failure):
                        raise
                elif not await repeats.again(failure):
                    raise
                after = await self.get_upload(upload.id)
            if after.persisted > upload.persisted:
                repeats, renewed = self._patience(), False
            elif error is None:
                raise data_loss("the daemon took pieces of the upload and kept none of them")
            if pieces.crc32c_at(after.persisted) != after.crc32c:
                raise data_loss("what the daemon has of the upload has another checksum than what was sent")
            upload = after
            if progress is not None:
                progress(upload.persisted)

    async def _again_if_busy(self, repeats: Repeats, error: GrpcOSError) -> bool:
        return await repeats.again(GrpcOSError(grpc.StatusCode.UNAVAILABLE, error.details()))


class _Pieces:
    """The messages of one stream, from what is durable on. Also says what was sent up to an offset."""

    def __init__(self, upload: Upload, file: typing.BinaryIO, most_seconds: float | None) -> None:
        self._upload = upload
        self._file = file
        self._end = None if most_seconds is None else time.monotonic() + most_seconds
        self._at = upload.persisted
        self.error: BaseException | None = None
        file.seek(upload.persisted)
        self._next = _bytes_of(file, _PIECE_BYTES)
        self.any = bool(self._next)

    def __iter__(self) -> typing.Iterator[filesystem_services_pb2.WriteUploadRequest]:
        # gRPC would only log an error of the source, and cancel the call.
        try:
            while self._next:
                yield filesystem_services_pb2.WriteUploadRequest(
                    upload_id=self._upload.id, offset=self._at, data=self._next, crc32c=checksum(self._next)
                )
                self._at += len(self._next)
                if self._at - self._upload.persisted >= _STREAM_BYTES:
                    return
                if self._end is not None and time.monotonic() > self._end:
                    return
                self._next = _bytes_of(self._file, _PIECE_BYTES)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error

    def crc32c_at(self, offset: int) -> int | None:
        return _crc32c_of_first(self._file, offset)


def _goes_on(error: BaseException, request_id: str) -> bool:
    """Whether the upload stays: it can be gone on with, or another call works on it."""
    if not isinstance(error, GrpcOSError):
        return False
    return error.reason == "UPLOAD_BUSY" or (bool(request_id) and error.code() == grpc.StatusCode.UNAVAILABLE)


def _bytes_of(file: typing.BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f'the source gives {type(data).__name__}, not bytes; open it as bytes: open(path, "rb")')
    return bytes(data)


def _crc32c_of_first(file: typing.BinaryIO, size: int) -> int | None:
    """None if there is not so much."""
    file.seek(0)
    crc32c = 0
    while size > 0:
        data = _bytes_of(file, min(size, _PIECE_BYTES))
        if not data:
            return None
        crc32c = checksum(data, crc32c)
        size -= len(data)
    return crc32c


@contextlib.asynccontextmanager
async def _opened(
    source: str | os.PathLike[str] | bytes | typing.BinaryIO,
) -> typing.AsyncGenerator[typing.BinaryIO, None]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        # A pipe is waited for until it has a writer, and then for its end: other tasks go on meanwhile.
        with await asyncio.to_thread(_open_repeatable, source) as file:
            yield file
    elif not (hasattr(source, "read") and hasattr(source, "seekable")):
        raise TypeError(f"expected a path, bytes or a file that is open for reading, got {type(source).__name__}")
    elif _bytes_of(source, 0):
        raise ValueError("the source gives more bytes than it is asked for")
    elif not source.seekable():
        raise ValueError("the source cannot be read twice, which a resumed upload needs; write it to a file first")
    elif _is_repeatable(source):
        yield source
    else:
        with await asyncio.to_thread(_copy_of, source) as copy:
            yield copy


def _open_repeatable(path: str | os.PathLike[str]) -> typing.BinaryIO:
    file = open(path, "rb")
    if _is_repeatable(file):
        return file
    with file:
        return _copy_of(file)


def _is_repeatable(file: typing.BinaryIO) -> bool:
    """A pipe or a device is read once, and what the system makes up while it is read (/proc, /sys) has no block on a disk
    and claims 0 bytes, or a page. A file that is all holes has no block either; it claims more."""
    try:
        info = os.fstat(file.fileno())
    except (OSError, AttributeError):  # it is none of the system's
        return True
    return stat.S_ISREG(info.st_mode) and (info.st_blocks > 0 or info.st_size > resource.getpagesize())


def _copy_of(file: typing.BinaryIO) -> typing.BinaryIO:
    copy = tempfile.SpooledTemporaryFile(max_size=_STREAM_BYTES)
    shutil.copyfileobj(file, copy)
    return typing.cast(typing.BinaryIO, copy)


def _size_of(file: typing.BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


class _PartFile:
    """The file that grows beside the target; held by one program at a time."""

    def __init__(self, path: pathlib.Path, stored: Object) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name[:180]}.{stored.id}.{stored.generation}.part")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = open(os.open(self._part, flags, 0o600), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BlockingIOError(f"another program writes {self._part} just now") from None
        self.size, self.crc32c = 0, 0
        while data := self._file.read(_PIECE_BYTES):
            self._count(data)
        if stored.generation == 0 or self.size > stored.size:
            self.restart()
        self.was_there = self.size > 0

    def _count(self, data: bytes) -> None:
        self.crc32c = checksum(data, self.crc32c)
        self.size += len(data)

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self._count(data)

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size, self.crc32c, self.was_there = 0, 0, False

    def commit(self) -> None:
        self._file.flush()
        os.fchmod(self._file.fileno(), self._mode())
        os.fsync(self._file.fileno())
        os.rename(self._part, self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _mode(self) -> int:
        """That of the file that is replaced, else what the umask leaves."""
        if self._path.is_file():
            return self._path.stat().st_mode & 0o777
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self.size == 0:
            self._part.unlink(missing_ok=True)
