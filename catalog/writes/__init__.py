"""What is put on record: sets, candidates, runs, tags, notes, searches."""
