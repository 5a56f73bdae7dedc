"""The object store: the protocol (`base`), a directory and S3 behind it, the format of results (`rows`)."""
