"""The dashboard as HTML: a file, or served and kept current."""
