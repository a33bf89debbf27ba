"""How fast the reads are: one listener with many plays, alone and among very many plays of others."""
