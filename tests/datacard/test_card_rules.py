"""What the Hub asks of a card, known before anything is sent: its header, its licence, and what its viewer can read."""

import re
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.datacard import limits, lint_card, preflight
from nextlong_hub.datacard.header import size_category
from nextlong_hub.datacard.licences import LICENCES, derive_licence, identifier_of
from nextlong_hub.dataset.manifest import require_manifest
from nextlong_hub.testing.card_check import card_faults

FILE = {"split": "train", "path": ["data/tiny/train-00000-of-00001.parquet"]}
GOOD: dict[str, Any] = {
    "pretty_name": "Rows",
    "license": "cc0-1.0",
    "language": ["en", "zh-Hant"],
    "task_categories": ["text-generation"],
    "size_categories": ["n<1K"],
    "configs": [{"config_name": "tiny", "default": True, "data_files": [FILE]}],
    "dataset_info": {"config_name": "tiny", "features": []},
}


def card(**changes: Any) -> str:
    """A card with a good header but for `changes`; None leaves a key out."""
    header = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return f"---\n{yaml.safe_dump(header)}---\n# Rows\n"


def test_a_good_header_has_no_fault() -> None:
    """Neither by our rules nor by those of the local Hub; with one configuration's facts as a mapping or in a list."""
    for info in (GOOD["dataset_info"], [GOOD["dataset_info"]], None):
        assert lint_card(card(dataset_info=info)) == []
    assert card_faults(card()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"license": "cc0"}, "unknown license 'cc0'"),
        ({"license": ["mit", "my-own"]}, "unknown license 'my-own'"),
        ({"license": "other"}, "needs license_name"),
        ({"license": 4.0}, "'license' must be a string or a list of strings, but is 4.0"),
        ({"language": "English"}, "unknown language 'English'"),
        ({"language": [False]}, r"language\[0\] must be a string, but is False; put it in quotes, as in 'no'"),
        ({"size_categories": ["1K<n<2K"]}, "unknown size category '1K<n<2K'"),
        ({"pretty_name": 128}, "'pretty_name' must be a string, but is 128"),
        ({"tags": [1]}, r"tags\[0\] must be a string, but is 1"),
        ({"configs": {"config_name": "tiny"}}, "`configs` must be a list of mappings"),
        ({"configs": [{"data_files": [FILE]}]}, r"configs\[0\].config_name must be a name"),
        ({"configs": [{"config_name": "a/b", "data_files": [FILE]}]}, "without any of"),
        ({"configs": 2 * [{"config_name": "a", "data_files": [FILE]}]}, "have one config_name"),
        ({"configs": [{**GOOD["configs"][0], "config_name": n} for n in "ab"]}, "only one default"),
        ({"configs": [{"config_name": "a", "data_files": 7}]}, "data_files of 'a' must be"),
        ({"configs": [{"config_name": "a", "data_files": [{"path": "x"}]}]}, "needs `split` and `path`"),
        ({"configs": [{"config_name": "a", "data_files": [{**FILE, "split": "a b"}]}]}, "must be a word, but is 'a b'"),
        ({"configs": [{"config_name": "a", "data_files": [{**FILE, "path": []}]}]}, "names no file"),
        ({"dataset_info": [1]}, "must be a mapping or a list of mappings"),
        ({"dataset_info": {"config_name": "other"}}, "is of 'other', which `configs` does not have"),
    ],
)
def test_each_fault_of_a_header_is_named(changes: dict[str, Any], fault: str) -> None:
    """One change, one fault."""
    info = None if "configs" in changes else GOOD["dataset_info"]
    [found] = lint_card(card(**{"dataset_info": info, **changes}))
    assert re.search(fault, found), found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# Rows\n", "has no YAML header"),
        ("---\n: : :\n{\n---\n", "cannot be read"),
        ("---\n- mit\n---\n", "must be a mapping"),
        ("---\nlicense: mit\n", "has no YAML header"),
        ("---\nlicense: mit\n---\n\ufffd", "not UTF-8"),
    ],
)
def test_a_header_that_is_none_is_one_fault(text: str, fault: str) -> None:
    """Missing, broken, no mapping, without an end, or of other bytes than text."""
    [found] = lint_card(text)
    assert fault in found


keys = st.sampled_from(["config_name", "data_files", "split", "path", "default"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "more"]), values, min_size=1))
def test_no_header_is_too_odd_to_be_judged(header: dict[str, Any]) -> None:
    """Whatever a person writes gets faults, not a traceback, and what the local Hub refuses is refused."""
    text = f"---\n{yaml.safe_dump(header)}---\n"
    assert lint_card(text) or not card_faults(text)


@pytest.mark.parametrize(
    ("stated", "licence", "name"),
    [
        (["CC0-1.0"], "cc0-1.0", None),
        (["Public Domain"], "other", "public-domain"),
        (["public domain", "CC-BY-4.0"], "cc-by-4.0", None),
        (["CC0-1.0", "MIT", "Apache-2.0"], "apache-2.0", None),
        (["CC-BY-SA-4.0", "CC0-1.0", "odc-by"], "cc-by-sa-4.0", None),
        (["cc-by-sa-3.0", "cc-by-sa-4.0"], "cc-by-sa-4.0", None),
        (["cc-by-nc-4.0", "cc-by-4.0"], "cc-by-nc-4.0", None),
        (["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0", None),
        (["gpl-3.0", "mit"], "gpl-3.0", None),
        (["cc-by-sa-4.0", "cc-by-nc-4.0"], "other", "several-licenses"),
        (["gpl-2.0", "cc-by-sa-4.0"], "other", "several-licenses"),
        (["My Own Licence 1.0"], "other", "my-own-licence-1.0"),
        (["My Own Licence 1.0", "mit"], "other", "several-licenses"),
        ([None], "other", "not-stated"),
        ([None, "mit"], "other", "partly-not-stated"),
        ([], "other", "not-stated"),
        (["<script>|`"], "other", "script"),
        (["\u202e\x1b"], "other", "unnamed"),
        (["unknown"], "other", "unknown"),
        (["MIT AND CC-BY-NC-4.0"], "cc-by-nc-4.0", None),
        (["MIT AND GPL-3.0", "Apache-2.0"], "gpl-3.0", None),
        (["MIT OR GPL-3.0"], "other", "mit-or-gpl-3.0"),
        (["https://creativecommons.org/licenses/by-nc/4.0/", "mit"], "cc-by-nc-4.0", None),
        (["http://creativecommons.org/licenses/by-sa/3.0/deed.en"], "cc-by-sa-3.0", None),
        (["https://creativecommons.org/publicdomain/mark/1.0/", "mit"], "mit", None),
        (["https://www.apache.org/licenses/LICENSE-2.0"], "apache-2.0", None),
        (["https://opensource.org/licenses/MIT"], "mit", None),
    ],
)
def test_the_stricter_licence_wins(stated: list[str | None], licence: str, name: str | None) -> None:
    """Written out by hand; whatever no table can decide is `other`, with a reason to hear."""
    for order in permutations(stated):
        found = derive_licence(order)
        assert (found.licence, found.name) == (licence, name)
        assert (found.warning is not None) == (licence == "other" and name != "public-domain")
    assert lint_card(card(license=licence, license_name=name)) == []


@given(st.lists(st.sampled_from(sorted(LICENCES)) | st.none() | st.text(max_size=12), max_size=4))
def test_a_licence_never_asks_for_less_than_a_source(stated: list[str | None]) -> None:
    """The header is always one the Hub takes; free terms are stated only when every source states free ones."""
    found = derive_licence(stated)
    assert found.licence in LICENCES
    assert lint_card(card(license=found.licence, license_name=found.name)) == []
    if found.licence in ("cc0-1.0", "pddl", "unlicense"):
        assert {identifier_of(str(one)) or str(one) for one in stated} <= {"cc0-1.0", "pddl", "unlicense", "wtfpl"}


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (9_999, "1K<n<10K"),
        (1_000_000, "1M<n<10M"),
        (10**12, "n>1T"),
    ],
)
def test_size_categories(rows: int, category: str) -> None:
    """The Hub's own names."""
    assert size_category(rows) == category


def test_a_dataset_of_ours_is_within_the_limits(built: Path) -> None:
    """Nothing to hear."""
    assert preflight(built, require_manifest(built)) == []


def test_what_the_viewer_cannot_show_is_told(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group, a value, a folder and a file beyond the limits, each in a sentence with both numbers."""
    for name, value in (("ROW_GROUP_BYTES", 1_000), ("CELL_BYTES", 100), ("FOLDER_FILES", 1), ("FILE_BYTES", 1_000)):
        monkeypatch.setattr(limits, name, value)
    told = preflight(dataset, require_manifest(dataset))
    assert len(told) == 4
    for sentence, words in zip(
        told,
        ("bytes; the Hub takes 1,000 at most", "reads 1,000 at most", "shows none beyond 100", "holds 1 files"),
        strict=True,
    ):
        assert words in sentence


@pytest.mark.slow
def test_row_groups_are_measured_by_their_content(dataset: Path) -> None:
    """40 million zeros take few bytes in a file, and 320 MB in the memory of the viewer."""
    path = dataset / "data/tiny/train-00000-of-00001.parquet"
    zeros = pa.table({"zeros": pa.repeat(pa.scalar(0, pa.int64()), 40_000_000)})
    pq.write_table(zeros, path, compression="zstd", use_dictionary=False, row_group_size=40_000_000)
    assert path.stat().st_size < 1_000_000
    [told] = preflight(dataset, require_manifest(dataset))
    assert "has a row group of 320," in told
