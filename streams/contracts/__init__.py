"""The ground: events, topics, ids, tables, errors, ports. Imports no Faust and nothing else of ours."""
