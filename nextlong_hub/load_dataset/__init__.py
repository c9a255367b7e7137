"""`datasets.load_dataset("nextlong", …)`: the name, how it is registered, and rows made on demand.

register    makes the name known to `datasets` when that is imported, and tells reading a folder from building
autoload    the opt-in that registers at every start of the interpreter
load        `nextlong_hub.load`: the same by public functions of `datasets`
on_demand   a configuration prepared once, whose units any process can make; the builder in `builders/` asks it for rows
"""
