"""Nothing is lost and nothing counts twice, whatever dies: `make test-faults`, docs/faults.md."""
