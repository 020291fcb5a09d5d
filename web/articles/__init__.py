"""What patients may be shown: the files of articles, their checks, their pages, the index."""
