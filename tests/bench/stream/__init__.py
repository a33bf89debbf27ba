"""`make bench-stream`: the stream engine against a bare loop and against other frameworks, in one run."""
