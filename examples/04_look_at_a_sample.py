"""Look at one sample of ./nextlong, as built by `make demo`: its strip, and why its first hard negative is there.

The same with a dataset on the Hub: `nextlong_hub.open("user/nextlong", "128k")`.
"""

import nextlong_hub

ds = nextlong_hub.open("nextlong")
print(ds)

sample = ds.sample(0)
print(sample)
print(sample.why(1))

segments = sample.segments.to_pandas()
print(segments.groupby("role")[["tokens"]].agg(["count", "sum"]))
