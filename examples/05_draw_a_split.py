"""Draw what is in ./nextlong, as built by `make demo`: lengths, scores by rank, distances and sources, as PNG files."""

from pathlib import Path

import nextlong_hub

split = nextlong_hub.open("nextlong").split()
figures = {
    "lengths": split.plot_lengths(),
    "scores": split.plot_scores(),
    "distances": split.plot_distances(),
    "sources": split.plot_sources(),
}
for name, figure in figures.items():
    figure.savefig(f"{split.name}-{name}.png", dpi=150)
    print(f"{split.name}-{name}.png: {Path(f'{split.name}-{name}.png').stat().st_size:,} bytes")
