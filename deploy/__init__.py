"""How the parts run together: the command, one process for all, one process for each."""
