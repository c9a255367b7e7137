"""The result of each command in words and tables, on stdout: what became of every candidate, and what to type next."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nextlong_hub.terminal import Rows, compact, duration, show_line, show_table, show_verbatim, size

if TYPE_CHECKING:
    from nextlong_hub.fitting import FitReport
    from nextlong_hub.manifest import ConfigRecord, SynthesisRecord
    from nextlong_hub.pipeline import BuildReport
    from nextlong_hub.predict import ConfigPrediction, Prediction
    from nextlong_hub.verification import VerifyReport

_NOTHING = "-"
_STAGES = ("retrieve", "synthesise", "file")


FIT_COUNTS = ("config", "read", "kept", "truncated", "truncated_tokens", "discarded", "rows", "tokens")
"""What a fit reports besides its manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of `build`, as the command line saw it."""

    output: Path
    configs: tuple[str, ...]
    """What was built in this run, in the order of the command line."""
    workers: int
    seconds: float
    """By the clock on the wall."""
    peak_bytes: Mapping[str, int]
    """Peak resident memory of the `driver` and of the `largest_worker`; empty where it cannot be known."""


def show_build(report: "BuildReport", run: Run) -> None:
    """Print the closing table of a build, what it took, and the commands to type next."""
    records = [report.manifest.configs[name] for name in run.configs]
    stage_seconds = {time.stage: time.seconds for time in report.times}
    times = _time_rows(run.configs, stage_seconds)
    show_table([*_fate_rows(records), _LINE, *_content_rows(records), _LINE, *times], run.configs)
    own = {f"{stage} {config}" for stage in _STAGES for config in run.configs}
    shared = [f"{stage} {duration(seconds)}" for stage, seconds in stage_seconds.items() if stage not in own]
    show_line(f"Other stages: {', '.join(shared)}. In all: {duration(run.seconds)}.")
    if run.peak_bytes:
        largest = f", {size(run.peak_bytes['largest_worker'])} in the largest of {run.workers} workers"
        show_line(
            f"Peak memory: {size(run.peak_bytes['driver'])} in the driver{largest if run.workers > 1 else ''}, "
            "files mapped into memory included."
        )
    for name, record in zip(run.configs, records, strict=True):
        recall = record.synthesis and record.synthesis.recall
        if recall is not None:
            show_line(f"{name}: approximate retrieval found {recall:.1%} of the exact answers, sampled.")
    for name, missing in report.missing_rows.items():
        made = report.manifest.configs[name].rows
        show_line(
            f"{name} has {made:,} rows, {missing:,} fewer than asked for: no more documents could be extended. "
            "Add documents for more.",
            "bold yellow",
        )
    show_line()
    total_bytes = sum(file.bytes for record in records for file in record.files)
    if report.unchanged:
        show_line(f"{run.output} was complete already: nothing was changed.", "bold")
    else:
        tokens = sum(record.tokens for record in records)
        rows = sum(record.rows for record in records)
        written = f"{rows:,} rows, {compact(tokens)} tokens, {size(total_bytes)}"
        show_line(f"Written to {run.output}: {written}. Next:", "bold")
    _show_next(run)


def _show_next(run: Run) -> None:
    config = "128k" if "128k" in run.configs else run.configs[0]
    load = f'from datasets import load_dataset; print(load_dataset("{run.output}", "{config}", split="train"))'
    show_verbatim(f"  python -c {shlex.quote(load)}")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(run.output))}")


_LINE: tuple[str, Sequence[str]] = ("", ())


def _fate_rows(records: "Sequence[ConfigRecord]") -> Rows:
    """What became of the candidates; a mixture had none of its own."""
    parts = [record.synthesis for record in records]
    reasons = sorted({reason for part in parts if part for reason in part.discarded})
    counts = [_fate(part, reasons) if part else {} for part in parts]
    labels = list(dict.fromkeys(label for each in counts for label in each))
    return [(label, [_count(each.get(label)) for each in counts]) for label in labels]


def _fate(part: "SynthesisRecord", reasons: Sequence[str]) -> dict[str, int]:
    return {
        "candidates": part.candidates,
        "  kept": part.kept,
        "    truncated": part.truncated,
        "    tokens cut": part.truncated_tokens,
        "  discarded": sum(part.discarded.values()),
        **{f"    {_words(reason)}": part.discarded.get(reason, 0) for reason in reasons},
        "queries": part.queries,
        "  unanswered": part.unanswered,
        "near-duplicates passed over": part.near_duplicates,
    }


def _content_rows(records: "Sequence[ConfigRecord]") -> Rows:
    return [
        ("rows", [_count(record.rows) for record in records]),
        ("tokens", [_count(record.tokens) for record in records]),
        ("meta-chunks", [_count(record.segments.meta) for record in records]),
        ("negatives", [_count(record.segments.negative) for record in records]),
        ("  distinct", [_count(record.segments.distinct_negatives) for record in records]),
        ("on disk", [size(sum(file.bytes for file in record.files)) for record in records]),
    ]


def _time_rows(configs: Sequence[str], stage_seconds: Mapping[str, float]) -> Rows:
    times = {stage: [stage_seconds.get(f"{stage} {config}") for config in configs] for stage in _STAGES}
    return [
        (f"time to {stage}", [_NOTHING if value is None else duration(value) for value in values])
        for stage, values in times.items()
    ]


def show_prediction(prediction: "Prediction", output: Path, workers: int, free_bytes: int) -> None:
    """Print what a build is expected to give and to cost, and what stands in its way."""
    show_line(
        f"An estimate from {prediction.sampled_documents:,} documents ({size(prediction.sampled_bytes)} of text). "
        "Nothing was written.",
        "bold",
    )
    show_line(
        f"Corpus:  about {prediction.documents:,} documents, {prediction.chunks:,} chunks, "
        f"{compact(prediction.tokens)} tokens of {prediction.characters_per_token:.2f} characters each."
    )
    show_line()
    show_table(_prediction_rows(prediction.configs), [config.config for config in prediction.configs])
    published = sum(config.published_bytes for config in prediction.configs)
    units = sum(config.unit_bytes for config in prediction.configs) + prediction.ingredient_bytes
    parts = {"published": published, "units": units, "text": prediction.store_bytes, "index": prediction.index_bytes}
    listed = ", ".join(f"{name} {size(value)}" for name, value in parts.items())
    show_line(f"Disk:    {size(prediction.disk_bytes)} ({listed}); {size(free_bytes)} are free at {output}.")
    largest = f", {size(prediction.worker_bytes)} in each of {workers} workers" if workers > 1 else ""
    show_line(f"Memory:  {size(prediction.driver_bytes)} in the driver{largest}.")
    show_line(
        f"Time:    about {duration(prediction.seconds)} with {workers} worker{'s' * (workers > 1)} on this machine."
    )
    if prediction.disk_bytes > free_bytes:
        show_line(f"Too little space at {output}: free {size(prediction.disk_bytes - free_bytes)} more.", "bold yellow")
    for config in prediction.configs:
        if config.problem:
            show_line(f"{config.config}: {config.problem}.", "bold yellow")


def _prediction_rows(configs: "Sequence[ConfigPrediction]") -> Rows:
    reasons = sorted({reason for config in configs for reason in config.not_eligible})
    return [
        ("extendable documents", [_count(config.eligible_documents) for config in configs]),
        *((f"  {_words(reason)}", [_count(c.not_eligible.get(reason)) for c in configs]) for reason in reasons),
        ("candidates", [_count(config.candidates) for config in configs]),
        ("  kept", [_NOTHING if c.kept_share is None else f"{c.kept_share:.0%}" for c in configs]),
        ("rows asked for", [_count(config.asked_rows) for config in configs]),
        ("rows", [_count(config.rows) for config in configs]),
        ("tokens", [_count(config.tokens) for config in configs]),
        _LINE,
        ("published files", [size(config.published_bytes) for config in configs]),
        ("units while it runs", [_NOTHING if not c.unit_bytes else size(c.unit_bytes) for c in configs]),
        ("time", [duration(config.seconds) for config in configs]),
    ]


def show_verification(report: "VerifyReport", folder: Path) -> None:
    """Print each fault on a line of its own, then what was checked."""
    for fault in report.faults:
        show_verbatim(f"{fault.place}: {fault.message}")
    checked = f"{report.files:,} files, {report.rows:,} rows, {report.segments:,} segments"
    if report.encoded_rows:
        checked += f", {report.encoded_rows:,} rows encoded again"
    if report.rebuilt_rows:
        checked += f", {report.rebuilt_rows:,} rows rebuilt from the corpus"
    if report.faults:
        show_line(f"{folder} is not what it says: {_faults(len(report.faults))}. Checked: {checked}.", "bold red")
    else:
        show_line(f"{folder} is what it says. Checked: {checked}.", "bold green")


def show_fit(report: "FitReport", output: Path) -> None:
    """Print what became of every text that was read."""
    rows: Rows = [
        ("read", [_count(report.read)]),
        ("  kept", [_count(report.kept)]),
        ("    truncated", [_count(report.truncated)]),
        ("    tokens cut", [_count(report.truncated_tokens)]),
        ("  discarded", [_count(sum(report.discarded.values()))]),
        *((f"    {_words(reason)}", [_count(count)]) for reason, count in sorted(report.discarded.items())),
        ("rows", [_count(report.rows)]),
        ("tokens", [_count(report.tokens)]),
    ]
    show_table(rows, [report.config])
    show_line(f"Written to {output}. Next:", "bold")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(output))}")


def show_fields(fields: Mapping[str, Any]) -> None:
    """Print a few values by name."""
    width = max(map(len, fields), default=0) + 2
    for name, value in fields.items():
        show_line(f"{_words(name):<{width}}{_plainly(value)}")


def _plainly(value: Any) -> str:
    """A value as a person would say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _count(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _faults(count: int) -> str:
    return "1 fault" if count == 1 else f"{count:,} faults"


def _words(identifier: str) -> str:
    return identifier.replace("_", " ")
