"""A finished export: its files against its manifest, and the documents in them against those that were written."""

from pathlib import Path

from nextlong_hub.exports.proof import check_export
from nextlong_hub.exports.writer import EXPORT_NAME, finished_manifest
from nextlong_hub.verification.report import Check, VerifyReport


def verify_export(folder: Path) -> VerifyReport:
    """Check an export, as `nextlong-hub export` leaves it.

    Raises:
        DataError: its format is not known here, or its files cannot be read.
    """
    check = Check()
    content = finished_manifest(folder)
    if content is None:
        check.fault(EXPORT_NAME, "is not whole: the export is unfinished or was changed; run it again")
        return check.report()
    for place, message in check_export(folder, content):
        check.fault(place, message)
    check.files, check.rows = len(content["files"]), content["counts"]["rows"]
    if "documents_digest" not in content:
        check.remarks.append(f"the format {content['format']} has no reader of its own: only the files were checked")
    return check.report()
