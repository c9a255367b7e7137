"""Several arrays in one file that is written whole and read in place: an ordinary `.npz`, stored and aligned.

`numpy.load` opens such a file like any other; we map it into memory instead, which numpy does not do for `.npz`. That
works because nothing is compressed and each array begins on a cache line.
"""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import written_aside
from nextlong_hub.core.mapping import array_of, map_bytes

_ALIGNMENT_BYTES = 64
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member: lengths of its name and of its extra field
_ZIP64_BYTES = 20  # the extra field zipfile adds of its own
_PADDING_FIELD = struct.Struct("<HH")
_PADDING_ID = 0xD935  # what zipalign uses
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays to one file, whole or not at all; equal arrays give equal bytes.

    Raises:
        StorageError: no space is left.
    """
    with (
        written_aside(path) as aside,
        aside.open("wb") as raw,
        zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, values in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            start = raw.tell() + _LOCAL_HEADER.size + len(member.filename) + _ZIP64_BYTES + _PADDING_FIELD.size
            padding = -start % _ALIGNMENT_BYTES
            member.extra = _PADDING_FIELD.pack(_PADDING_ID, padding) + bytes(padding)
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(values), (1, 0), allow_pickle=False)


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of a file written by `write_arrays`, read-only."""
    content = map_bytes(path)
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            header = content[member.header_offset :][: _LOCAL_HEADER.size].tobytes()
            start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(header))
            arrays[member.filename.removesuffix(".npy")] = array_of(content[start : start + member.file_size])
    return arrays
