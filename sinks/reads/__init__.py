"""The named reads of a listener's plays, by what they tell. sinks/reader.py joins them."""
