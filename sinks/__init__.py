"""ClickHouse: the schema, the one writer, the named reads."""
