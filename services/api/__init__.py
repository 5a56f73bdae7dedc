"""The HTTP API for users and the dashboard. Appends commands; reads everything else."""
