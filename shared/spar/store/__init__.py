"""The object store: the protocol (`base`), a directory and S3 behind it, and the format of results (`rows`)."""
