"""Tests of deploy: the command, the folder, the stack."""
