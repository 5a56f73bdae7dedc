"""The object store on anything that speaks S3 (MinIO, AWS, ...). Knows nothing of what the bytes mean.

It creates objects only; the bucket is created when the stack is set up, by `ensure_bucket`. A store that is
unreachable or refuses the credentials is a ServiceError within seconds: a worker reports it instead of hanging.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from minio.helpers import ObjectWriteResult

from spar.errors import ServiceError
from spar.store.files import CHUNK, disk_error, whole_file
from spar.store.keys import check_key, check_prefix, missing

_PART = 16 << 20  # bytes of one part of a multipart upload: 10,000 parts make 160 GB
_CONNECT_SECONDS = 3.0
READ_S = 30.0  # between two packets, not for the whole object
_RETRIES = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
_CONNECTIONS = 32  # kept open per process; more threads than that still work, on short-lived ones

_MISSING = {"NoSuchKey", "NoSuchObject"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId"}


class S3Store:
    """Objects in one bucket. `endpoint` is host:port, without a scheme; `secure` means https.

    `read_s`: how long it may be silent before it is tried again.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        secure: bool = False,
        region: str = "us-east-1",
        read_s: float = READ_S,
    ) -> None:
        self.endpoint, self.bucket = endpoint, bucket
        self._region = region
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_s)
        pool = urllib3.PoolManager(maxsize=_CONNECTIONS, timeout=timeout, retries=_RETRIES)
        try:
            self._client = Minio(
                endpoint,
                access_key=access_key,
                secret_key=secret_key,
                secure=secure,
                region=region,
                http_client=pool,
            )
        except ValueError as error:
            raise ServiceError(
                f"{endpoint!r} is not the address of an object store: {error}.",
                "Give it as host:port, such as localhost:9000.",
            ) from None

    def __repr__(self) -> str:
        return f"S3Store({self.endpoint!r}, bucket={self.bucket!r})"

    def ensure_bucket(self) -> None:
        """Make the bucket unless it is there."""
        with self._explained():
            if not self._client.bucket_exists(self.bucket):
                try:
                    self._client.make_bucket(self.bucket, self._region)
                except S3Error as error:
                    if error.code != "BucketAlreadyOwnedByYou":  # made by another process since we looked
                        raise

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._explained():
            written = self._client.put_object(self.bucket, key, io.BytesIO(data), len(data), part_size=_PART)
        self._require_stored(key, written)

    def get(self, key: str) -> bytes:
        with self._open(key) as response:
            return response.read()

    def exists(self, key: str) -> bool:
        check_key(key)
        with self._explained():
            try:
                self._client.stat_object(self.bucket, key)
            except S3Error as error:
                if error.code not in _MISSING:
                    raise
                self._require_bucket()
                return False
        return True

    def _require_bucket(self) -> None:
        """Raises ServiceError if it is not there: stat_object says NoSuchKey for that too (a HEAD reply has no body).

        With permission for objects only, and not for the bucket, a missing object is all that can be reported.
        """
        try:
            there = self._client.bucket_exists(self.bucket)
        except S3Error as error:
            if error.code in _REFUSED:
                return
            raise
        if not there:
            raise self._no_bucket()

    def _no_bucket(self) -> ServiceError:
        return ServiceError(
            f"The object store at {self.endpoint} has no bucket {self.bucket}.",
            "Create it, or correct its name.",
        )

    def put_file(self, key: str, path: Path) -> None:
        check_key(key)
        try:
            with self._explained(), open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                written = self._client.put_object(self.bucket, key, file, size, part_size=_PART)
        except OSError as error:
            raise disk_error(error, f"Reading {path}") from error
        self._require_stored(key, written)

    def _require_stored(self, key: str, written: ObjectWriteResult) -> None:
        """Raises ServiceError for a reply of status 200 that is an error's document: the client does not read it.

        Every S3 names what it has stored by an ETag; an error has none.
        """
        if not written.etag:
            raise ServiceError(
                f"The object store at {self.endpoint} accepted {key} without storing it.",
                "Look into its log and its free space, and into those of a proxy before it.",
            )

    def get_file(self, key: str, path: Path) -> None:
        with self._open(key) as response:
            try:
                with whole_file(path) as file:
                    for chunk in response.stream(CHUNK):
                        file.write(chunk)
            except OSError as error:
                raise disk_error(error, f"Writing {path}") from error

    def keys(self, prefix: str) -> Iterator[str]:
        below = check_prefix(prefix)
        with self._explained():
            objects = self._client.list_objects(self.bucket, prefix=below, recursive=True)
            return iter(sorted(found.object_name for found in objects if found.object_name))

    def written_at(self, key: str) -> datetime:
        check_key(key)
        with self._explained(key):
            written = self._client.stat_object(self.bucket, key).last_modified
        return (written or datetime.now(UTC)).astimezone(UTC)

    def remove(self, key: str) -> None:
        check_key(key)
        with self._explained():
            self._client.remove_object(self.bucket, key)

    @contextmanager
    def _open(self, key: str) -> Iterator[urllib3.BaseHTTPResponse]:
        check_key(key)
        with self._explained(key):
            response = self._client.get_object(self.bucket, key)
            try:
                yield response
            finally:
                response.close()
                response.release_conn()

    @contextmanager
    def _explained(self, key: str = "") -> Iterator[None]:
        """Turn what the client raises into the project's errors; `key` is what ObjectMissing would name."""
        try:
            yield
        except S3Error as error:
            if key and error.code in _MISSING:
                # A proxy in front of an unreachable store also replies 404, which the client takes for a missing key.
                with self._explained():
                    self._require_bucket()
                raise missing(key, self) from None
            raise self._refusal(error) from error
        except (MinioException, ElementTree.ParseError, ValueError) as error:
            # The client lets through what its parsers raise at a reply that is no XML, or another document.
            raise ServiceError(
                f"The object store at {self.endpoint} does not answer as S3 does: {str(error)[:300]}.",
                "Check that the address is the S3 port, not a console or a proxy, and the server's log.",
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise ServiceError(
                f"The object store at {self.endpoint} cannot be reached: {str(error)[:300]}.",
                "Start it, or correct its address, and run the same command again.",
            ) from error

    def _refusal(self, error: S3Error) -> ServiceError:
        if error.code in _REFUSED:
            return ServiceError(
                f"The object store at {self.endpoint} refuses our credentials ({error.code}) for the bucket "
                f"{self.bucket}.",
                "Set the access key and the secret key of a user who may read and write that bucket.",
            )
        if error.code == "NoSuchBucket":
            return self._no_bucket()
        if error.code == "RequestTimeTooSkewed":
            return ServiceError(
                f"The clocks of this machine and of the object store at {self.endpoint} differ too much.",
                "Set both clocks by a time server.",
            )
        # Unknown codes too: what the store does not say of the object is no reason to fail what needs it.
        return ServiceError(
            f"The object store at {self.endpoint} failed: {error.code}: {error.message}.",
            "Look into the server's log, and run the same command again.",
        )
