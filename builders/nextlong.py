"""The `datasets` builder behind `load_dataset("nextlong", "128k")`.

Each configuration is built by itself, as `nextlong-hub build` builds it in a folder of its own. Only in one folder are
documents shared out, so that none is extended for two configurations: to train on several, build one and load that.

Thin on purpose: when streaming, `datasets` replaces `open`, `os`, `Path` and NumPy in the module that defines a
builder. All work is done in `nextlong_hub.load_dataset.on_demand`.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import datasets

from nextlong_hub import recipe
from nextlong_hub.core.files import digest_of
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.load_dataset import on_demand as ondemand
from nextlong_hub.recipe import DEFAULT_SEED

try:
    from datasets.builder import Key
except ImportError:  # datasets before 4.4 takes any key

    def Key(original_shard_id: int, item_or_batch_id: int) -> Any:
        """Stand-in for `datasets.builder.Key`."""
        return f"{original_shard_id}_{item_or_batch_id}"


_VERSION = datasets.Version("1.0.0")


@dataclasses.dataclass(eq=False)
class NExtLongConfig(datasets.BuilderConfig):
    """What `load_dataset("nextlong", …)` takes besides the name of a recipe."""

    corpus: Any = None
    """A path, glob or Hub name, a `datasets.Dataset`, or several of them; None takes the embedded demo corpus."""
    tokenizer: str | None = None
    """A folder or Hub name; may be left out for the demo corpus only."""
    samples: int | None = None
    """How many rows; None gives about as many tokens as the corpus holds."""
    seed: int = DEFAULT_SEED
    settings: dict[str, Any] | None = None
    """Dotted recipe keys and their values: `{"retrieval.k1": 1.2}`."""
    recipe: str | None = None
    """A recipe's TOML file, instead of the published recipe of the configuration's name."""
    work_dir: str | None = None
    """Where finished work is kept; None uses a folder beside the cached datasets."""
    features: datasets.Features | None = None

    def create_config_id(self, config_kwargs: dict[str, Any], custom_features: datasets.Features | None = None) -> str:
        """Name the cache folder by what differs from the named configuration.

        The name of the configuration alone must stay when nothing differs: under it `datasets` finds a build again
        even where nextlong-hub is not imported.
        """
        plain = NExtLongConfig(name=self.name)
        changed = {
            key: value
            for key, value in config_kwargs.items()
            if key != "work_dir" and (not hasattr(plain, key) or getattr(plain, key) != value)
        }
        return str(super().create_config_id(changed, custom_features=custom_features))

    def __eq__(self, other: object) -> bool:
        """Whether two configurations give the same rows: where work is kept does not matter."""
        if not isinstance(other, NExtLongConfig):
            return NotImplemented
        return {**vars(self), "work_dir": None} == {**vars(other), "work_dir": None}

    __hash__ = None  # type: ignore[assignment]


class NExtLong(datasets.ArrowBasedBuilder):
    """Builds NExtLong rows from a corpus, a unit of meta-documents at a time."""

    VERSION = _VERSION
    BUILDER_CONFIG_CLASS = NExtLongConfig
    BUILDER_CONFIGS = [  # noqa: RUF012, read by datasets as a class attribute
        NExtLongConfig(name=name, version=_VERSION, description=recipe.load_recipe(name).description)
        for name in recipe.recipe_names()
    ]
    DEFAULT_CONFIG_NAME = "128k"

    def __init__(self, cache_dir: str | None = None, *args: Any, data_files: Any = None, **kwargs: Any) -> None:
        """Treat the empty `data_files` that registration must pass as none at all."""
        self._work_folder = ondemand.work_folder(cache_dir or datasets.config.HF_DATASETS_CACHE)
        super().__init__(cache_dir, *args, data_files=data_files or None, **kwargs)

    def _create_builder_config(self, *args: Any, **kwargs: Any) -> Any:
        """Add corpus, tokenizer and recipe to the hash that names the cache folder, before that folder is chosen."""
        config, config_id = super()._create_builder_config(*args, **kwargs)
        self.hash: str | None
        if self.hash and not self._is_only_described(config):
            self.hash = digest_of([self.hash, self._session(config).identity])
        return config, config_id

    def _is_only_described(self, config: NExtLongConfig) -> bool:
        """Whether nothing can be built: no conversations come with the package, but `datasets` lists all there is."""
        given = config.corpus is not None or config.tokenizer or config.data_files or config.data_dir or config.recipe
        return not given and recipe.load_recipe(config.name).conversations is not None

    def _session(self, config: NExtLongConfig) -> ondemand.Session:
        files = [str(path) for paths in (config.data_files or {}).values() for path in paths]
        return ondemand.open_session(
            config.recipe or config.name,
            corpus=config.corpus if config.corpus is not None else files or config.data_dir,
            tokenizer=config.tokenizer,
            samples=config.samples,
            seed=config.seed,
            settings=config.settings,
            work=ondemand.work_folder(config.work_dir) if config.work_dir else self._work_folder,
        )

    def _info(self) -> datasets.DatasetInfo:
        made = recipe.load_recipe(self.config.recipe or self.config.name, self.config.settings)
        schema = row_schema(tokens=made.tokens, packed=made.pack, masked=made.conversations is not None or made.pads)
        features = self.config.features or datasets.Features.from_arrow_schema(schema)
        return datasets.DatasetInfo(description=self.config.description, features=features)

    def download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        """Say what is missing before anything is made."""
        self._session(self.config)
        super().download_and_prepare(*args, **kwargs)

    def as_streaming_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """Say what is missing before anything is made."""
        self._session(self.config)
        return super().as_streaming_dataset(*args, **kwargs)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        if self._is_only_described(self.config):
            return [datasets.SplitGenerator(name=datasets.Split.TRAIN)]
        session = self._session(self.config)
        return [
            datasets.SplitGenerator(
                name=datasets.Split.TRAIN, gen_kwargs={"units": session.units(), "session": (session,)}
            )
        ]

    def _generate_shards(self, units: list[int], session: tuple[ondemand.Session]) -> Iterator[str]:
        """Name the shards."""
        yield from (f"unit {unit}" for unit in units)

    def _generate_tables(self, units: list[int], session: tuple[ondemand.Session]) -> Iterator[Any]:
        """Yield each unit's rows."""
        schema = self.info.features.arrow_schema
        for number, unit in enumerate(units):
            for item, table in enumerate(session[0].tables(unit)):
                yield Key(number, item), datasets.table.table_cast(table, schema)
