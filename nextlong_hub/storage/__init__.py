"""Where the files of a work folder lie: a folder that all machines see, or a store of objects.

base      `Storage`: seven verbs over names, and `Stat`
opening   a storage by its path or URL
folder    a folder: every verb is that of the file system, and nothing is copied
remote    whatever fsspec has a file system for, `s3://…`: fetched once a machine, published by one write
"""

from nextlong_hub.storage.base import Stat, Storage
from nextlong_hub.storage.opening import StorageAddress, open_storage

__all__ = ["Stat", "Storage", "StorageAddress", "open_storage"]
