"""Read one row of ./nextlong, as built by `make demo`, and say where each character came from."""

from datasets import load_dataset

row = load_dataset("nextlong", "128k", split="train")[0]

print(f'load_dataset("nextlong", "128k"): row {row["id"]!r}')
print(f"  {row['token_count']:,} tokens, {len(row['text']):,} characters, {len(row['segments'])} segments")
print(f"  meta-document {row['meta_document']!r} from {row['source']!r}")
print("  role      document                  chunk  rank   score  tokens  text")
shown = row["segments"][:3] + [s for s in row["segments"][3:] if s["role"] == "meta"][:2]
for segment in shown:
    text = " ".join(row["text"][segment["start"] : segment["end"]].split())
    print(
        f"  {segment['role']:<8}  {segment['document']:<24}  {segment['chunk']:>5}  {segment['rank']:>4}  "
        f"{segment['score']:>6.1f}  {segment['tokens']:>6}  {text[:40]}…"
    )
