"""One module a contestant, each a process of its own: the same records, the same decode, the same insert."""
