"""`write_page`: rows of a split as ONE static HTML file that needs no server and no network.

The page's policy allows nothing but its own script and style, by their digests: an injected tag would not
run. The template engine is sandboxed and escapes; rows are data (see `payload`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from nextlong_hub._version import __version__
from nextlong_hub.core.files import write_bytes
from nextlong_hub.core.ownership import refuse_other_file
from nextlong_hub.core.printable import javascript_class, visible_line
from nextlong_hub.dataset import Row, SplitReader, open_splits
from nextlong_hub.errors import DataError
from nextlong_hub.explore.page.payload import encode
from nextlong_hub.explore.page.template import MARK, content_digest, page_template
from nextlong_hub.explore.strip import palette
from nextlong_hub.explore.summary import repeats_of
from nextlong_hub.retrieval import UNNAMED_SCORE

PAYLOAD_BYTES = 8_000_000
"""Largest size of the rows of a page unless their number is given: more is slow to mail and to open."""
ROWS_PER_CONFIG = 5
"""Rows of each configuration, unless they are too large."""

_SCRIPTS = ("page", "row", "text", "strip", "panel", "documents", "plots", "search", "main")
"""The parts of the page's one script, in order."""
_COLUMNS = ("id", "text", "token_count", "meta_document", "source", "segments", "documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReport:
    """What a page shows."""

    path: Path
    bytes: int
    shown: Mapping[str, tuple[str, ...]]
    """Ids of the rows, by configuration."""
    rows: Mapping[str, int]
    """Number of rows in the dataset, by configuration."""

    @property
    def left_out(self) -> int:
        """Rows that the page does not show."""
        return sum(self.rows.values()) - sum(map(len, self.shown.values()))


def write_page(
    where: str | Path,
    output: Path,
    configs: Sequence[str] = (),
    *,
    rows: int | None = None,
    wanted: Sequence[str] = (),
    revision: str | None = None,
    force: bool = False,
) -> PageReport:
    """Write a page that shows rows of a dataset; the same rows give the same bytes.

    Args:
        where: dataset folder, Parquet, or a dataset on the Hub: see `dataset.open_split`.
        output: the file to write.
        configs: configurations to show; none means all.
        rows: how many rows of each configuration; None takes five, or fewer where they exceed 8 MB.
        wanted: show exactly these rows, by id or by number.
        revision: branch, tag or commit of a dataset on the Hub.
        force: replace whatever file is there.

    Raises:
        DataError: nothing is there, a configuration or row is unknown, or there is no row or no text.
        ConflictError: a file is there that is no page of ours.
        StorageError: the file cannot be written.
    """
    if not force:
        refuse_other_file(output, MARK, "page")
    splits = open_splits(where, configs, revision=revision)
    names = [split.config for split in splits]
    for split in splits:
        if "text" not in split.columns:
            raise DataError(
                f"{split.config} of {where} has no column text, and a page shows text; inspect shows tokens"
            )
    chosen = _named(splits, wanted) if wanted else _first(splits, rows)
    shown: dict[str, list[str]] = {name: [] for name in names}
    described = []
    encoded: list[str] = []
    score_names = {split.config: split.record.score_name if split.record else UNNAMED_SCORE for split in splits}
    for row in chosen:
        payload = encode(row, score_names[row.config])
        if wanted or rows is not None or not encoded or sum(map(len, encoded)) + len(payload) <= PAYLOAD_BYTES:
            shown[row.config].append(row.id)
            described.append(_summary(row))
            encoded.append(payload)
    if not encoded:
        raise DataError(
            f"{where} has no rows in {', '.join(names)}; a page needs one at least: build more, or name others"
        )
    # Rows are grouped by configuration in the list of the page.
    order = sorted(range(len(encoded)), key=lambda index: (names.index(described[index]["split"]), index))
    content = _render(
        title=_public_name(splits[0]),
        rows=[described[index] for index in order],
        payloads=[encoded[index] for index in order],
        configs=[{"name": split.config, "rows": len(split)} for split in splits],
        facts=_facts(splits),
    )
    write_bytes(output, content)
    return PageReport(
        path=output,
        bytes=len(content),
        shown={name: tuple(ids) for name, ids in shown.items()},
        rows={split.config: len(split) for split in splits},
    )


def _first(splits: Sequence[SplitReader], rows: int | None) -> Iterator[Row]:
    """The first row of every configuration, then the second of each, and so on."""
    for number in range(ROWS_PER_CONFIG if rows is None else rows):
        for split in splits:
            if number < len(split):
                yield split.row(number, _present(split))


def _named(splits: Sequence[SplitReader], wanted: Sequence[str]) -> Iterator[Row]:
    """The rows with these ids or numbers, each from the first configuration that has it."""
    for name in dict.fromkeys(wanted):
        failures = []
        for split in splits:
            try:
                row = split.row(int(name) if name.isdecimal() else name, _present(split))
            except DataError as error:
                failures.append(str(error))
            else:
                yield row
                break
        else:
            raise DataError("; ".join(failures))


def _public_name(split: SplitReader) -> str:
    """The name of the dataset on the page, without the path of its folder: pages are shared."""
    return split.where if split.commit else Path(split.where).absolute().name


def _present(split: SplitReader) -> list[str]:
    return [name for name in _COLUMNS if name in split.columns]


def _summary(row: Row) -> dict[str, Any]:
    return {
        "split": row.config,
        "config": visible_line(row.config),
        "id": visible_line(row.id) or f"row {row.number}",
        "tokens": row.token_count,
    }


def _facts(splits: Sequence[SplitReader]) -> dict[str, str]:
    """Facts from the manifest, for the footer of the page."""
    split = splits[0]
    manifest = split.manifest
    if manifest is None:
        return {}
    facts = {
        "Tokenizer": manifest.tokenizer.name,
        "Corpus": f"{manifest.corpus.documents:,} documents, digest {manifest.corpus.digest}",
        "Seed": str(manifest.seed),
        "Commit": split.commit or "",
        **{f"Repeats in the rows of {one.config}:": repeats_of(one.record) for one in splits},
    }
    return {visible_line(name): visible_line(value) for name, value in facts.items() if value}


def _render(
    *,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    payloads: Sequence[str],
    configs: Sequence[Mapping[str, Any]],
    facts: Mapping[str, str],
) -> bytes:
    style = palette() + _part("page.css")
    script = "".join(_part(f"scripts/{name}.js") for name in _SCRIPTS)
    shown = [row["split"] for row in rows]
    about = {
        "hidden": javascript_class(),
        "rows": [{key: row[key] for key in ("config", "id", "tokens")} for row in rows],
    }
    page = page_template(_part("page.html")).render(
        title=visible_line(title),
        policy=f"default-src 'none'; script-src {content_digest(script)}; style-src {content_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        about=_json_in_html(about),
        payloads=payloads,
        configs=[
            {"name": visible_line(c["name"]), "rows": c["rows"], "shown": shown.count(c["name"])} for c in configs
        ],
        facts=facts,
        version=__version__,
    )
    return page.encode("utf-8", "backslashreplace")


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _json_in_html(value: Any) -> str:
    """JSON that a script element may hold: nothing in it can end the element or begin another."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
