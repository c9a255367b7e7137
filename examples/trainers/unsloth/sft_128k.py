"""unsloth on samples of 128K tokens: TRL's columns, one document a row, and no packing.

nextlong-hub export nextlong trl --config 128k --output trl-128k
python sft_128k.py meta-llama/Llama-3.1-8B trl-128k

What breaks in silence: the length. Where neither model nor settings name one it is 1,024; where the settings name more
than the model it is the model's, and that is only printed. Rows are then cut to it. Its packing is off for some
models without a word (unsloth#7206), and texts are cut instead; rows of the full length need none. Rows of
several documents (`128k-mix`) go to TRL itself, or to axolotl.
"""

import sys

from unsloth import FastLanguageModel  # isort: skip  # it patches TRL, so it comes first
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

MAX_TOKENS = 131_072


def main(name: str, folder: str) -> None:
    """Train the model on the export in `folder`.

    Raises:
        SystemExit: rows came out of the trainer's preparation shorter than they went in.
    """
    model, tokenizer = FastLanguageModel.from_pretrained(name, max_seq_length=MAX_TOKENS, load_in_4bit=False)
    model = FastLanguageModel.get_peft_model(model, use_gradient_checkpointing="unsloth", max_seq_length=MAX_TOKENS)
    rows = load_dataset("parquet", data_files=f"{folder}/data/*.parquet", split="train")
    settings = SFTConfig(
        output_dir=f"{folder}-checkpoints",
        packing=False,
        padding_free=False,
        max_length=MAX_TOKENS,
        dataset_kwargs={"skip_prepare_dataset": True},
        per_device_train_batch_size=1,
        bf16=True,
        learning_rate=1e-5,
        max_steps=1000,
    )
    trainer = SFTTrainer(
        model=model, processing_class=tokenizer, args=settings, train_dataset=rows.remove_columns("seq_lengths")
    )
    if len(trainer.train_dataset[0]["input_ids"]) != len(rows[0]["input_ids"]):
        raise SystemExit("the rows were cut: raise max_seq_length of the model and max_length of the settings")
    trainer.train()


if __name__ == "__main__":
    main(*sys.argv[1:3])
