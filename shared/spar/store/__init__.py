"""The object store: the protocol (`base`), a directory and S3 behind it, and the row format of results (`rows`)."""
