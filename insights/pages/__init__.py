"""The dashboard in HTML, as a file or served live."""
