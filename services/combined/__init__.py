"""One process that does the work of several services in turn, for a host with one GPU."""
