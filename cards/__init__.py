"""How we describe it: the templates and prose of dataset cards."""
