"""Programs that measure what the docs claim. Not tests: figures of a shared machine prove nothing alone."""
