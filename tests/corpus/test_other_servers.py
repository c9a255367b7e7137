"""Corpora on other servers: S3 as `moto` plays it, and a web server, both over HTTP."""

import gzip
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.corpus import find, identify, read
from nextlong_hub.corpus.licences import stated_licences
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import AuthError, DataError, NetworkError
from nextlong_hub.records import Document

pytestmark = pytest.mark.slow


def rows(prefix: str) -> list[dict[str, str]]:
    """Three rows of one file."""
    return [{"id": f"{prefix}{number}", "text": f"text {number} of {prefix}"} for number in range(3)]


def lines(prefix: str) -> bytes:
    """The same as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows(prefix)).encode()


def parquet(prefix: str) -> bytes:
    """The same as Parquet."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(prefix)), sink)
    return sink.getvalue()


def zipped(prefix: str) -> bytes:
    """The same as JSON Lines in an archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("in.jsonl", lines(prefix))
    return sink.getvalue()


FILES = {
    "a.jsonl": lines("a"),
    "b.jsonl.gz": gzip.compress(lines("b")),
    "c.parquet": parquet("c"),
    "deep/d.zip": zipped("d"),
    "test.jsonl": lines("t"),
    "README.md": b"---\nlicense: cc-by-nc-4.0\n---\n",
}


def source(path: str) -> SourceSettings:
    """The settings of a source called `far`."""
    return SourceSettings(name="far", path=path)


def ids(path: str) -> list[str]:
    """The ids of all documents of a source."""
    found = find([source(path)])
    documents = [result for piece in found.pieces for result in read(piece, "fail")]
    return [document.id for document in documents if isinstance(document, Document)]


def identity(path: str) -> str:
    """The digest of a source by itself."""
    return identify(find([source(path)]).pieces).digest


THREE = ["0", "1", "2"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """A client of a server of S3, and what tells fsspec of it; its bucket `texts` has the files below `en/`."""
    pytest.importorskip("s3fs", reason="s3:// is read by s3fs, an extra")
    server = pytest.importorskip("moto.server", reason="moto plays the server of S3")
    boto3 = pytest.importorskip("boto3", reason="moto plays the server of S3")
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="texts")
        for name, content in {**FILES, "": b""}.items():  # the last one marks the folder
            client.put_object(Bucket="texts", Key=f"en/{name}", Body=content)
        yield client
    started.stop()


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("s3://texts/en", "abcd"), ("s3://texts/en/", "abcd"), ("s3://texts/en/*.jsonl*", "abt"),
        ("s3://texts/en/{a,b}.*", "ab"), ("s3://texts/en/c.parquet", "c"), ("s3://texts/en/**/*.zip", "d"),
    ],
)  # fmt: skip
def test_s3_is_read_as_folders_are(bucket: Any, path: str, files: str) -> None:
    """A folder by its splits, a glob, a file; what marks a folder is no file."""
    assert ids(path) == [f"{file}{number}" for file in files for number in THREE]
    [found] = find([source(path)]).sources
    assert all(name for one in found.left_out for name in one.examples)


def test_a_change_of_an_object_is_seen(bucket: Any) -> None:
    """Also within one process; the same bytes written again, or in another place, are no change."""
    before = identity("s3://texts/en/a.jsonl")
    bucket.put_object(Bucket="texts", Key="copy/a.jsonl", Body=FILES["a.jsonl"])
    assert identity("s3://texts/copy/a.jsonl") == before
    bucket.put_object(Bucket="texts", Key="copy/a.jsonl", Body=FILES["a.jsonl"].replace(b"of a", b"of x"))
    assert identity("s3://texts/copy/a.jsonl") != before


@pytest.mark.parametrize("path", ["s3://texts/en", "s3://texts/en/a.jsonl", "s3://texts/en/*.jsonl"])
def test_the_licence_of_a_bucket_is_read(bucket: Any, path: str) -> None:
    """The card of its folder states it, whether the folder is named or a file of it."""
    assert [one.license for one in stated_licences(source(path))] == ["cc-by-nc-4.0"]


def test_what_s3_refuses(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing there, and nobody to be: each in words of its own."""
    for path in ("s3://texts/none.jsonl", "s3://none/x.jsonl", "s3://texts/none/*.jsonl"):
        with pytest.raises(DataError, match=r"there is nothing at|no documents"):
            ids(path)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(AuthError, match="does not let you read"):
        ids("s3://texts/en/a.jsonl")
    s3fs.S3FileSystem.clear_instance_cache()


class Handler(SimpleHTTPRequestHandler):
    """Gives whole files only, as Python's own server does; a query has to hold the key, where it is asked for."""

    def send_head(self) -> Any:
        """Refuse what is locked, and leave the query out."""
        if "locked" in self.path and "key=secret" not in self.path:
            self.send_error(403)
            return None
        self.path = self.path.partition("?")[0]
        return super().send_head()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web server with the files in `en`, and one of them in `locked`."""
    pytest.importorskip("aiohttp", reason="https:// is read by aiohttp, an extra")
    folder = tmp_path_factory.mktemp("web")
    for name, content in {f"en/{name}": content for name, content in FILES.items()}.items():
        Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_bytes(content)
    (folder / "locked").mkdir()
    (folder / "locked" / "b.jsonl.gz").write_bytes(FILES["b.jsonl.gz"])
    (folder / "locked" / "bad.txt").write_bytes(b"\xff")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("en/a.jsonl", "a"), ("en/b.jsonl.gz", "b"), ("en/c.parquet", "c"), ("en/deep/d.zip", "d"),
        ("en/", "abcd"), ("en", "abcd"), ("en/*.jsonl*", "abt"), ("locked/b.jsonl.gz?key=secret", "b"),
    ],
)  # fmt: skip
def test_a_web_server_that_gives_whole_files(web: str, path: str, files: str) -> None:
    """Also tables and archives, which are not read from beginning to end; a page of links is a folder."""
    assert ids(f"{web}/{path}") == [f"{file}{number}" for file in files for number in THREE]


def test_what_a_web_server_refuses(web: str) -> None:
    """Each in words of its own, and none with what follows the question mark."""
    with pytest.raises(DataError, match="there is nothing at"):
        ids(f"{web}/en/none.jsonl?key=hidden")
    with pytest.raises(AuthError, match="403") as refused:
        ids(f"{web}/locked/b.jsonl.gz?key=hidden")
    with pytest.raises(DataError, match=r"bad\.txt: is not UTF-8") as bad:
        ids(f"{web}/locked/bad.txt?key=secret")
    with pytest.raises(NetworkError, match="could not be read") as far:
        ids("http://127.0.0.1:1/x.jsonl?key=hidden")
    assert not any(word in str(one.value) for one in (refused, bad, far) for word in ("hidden", "secret"))
    assert [one.license for one in stated_licences(source(f"{web}/en/"))] == ["cc-by-nc-4.0"]
    assert stated_licences(source(f"{web}/en/a.jsonl")) == ()
