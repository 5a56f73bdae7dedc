"""The API: what users and pages ask of the system over HTTP. Appends commands, reads everything else."""
