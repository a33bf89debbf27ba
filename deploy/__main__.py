"""`python -m deploy` is `spotifire`."""

from deploy.cli import main

main()
