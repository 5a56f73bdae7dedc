"""What this host can do: what is installed, loadable, writable and reachable. Changes nothing anywhere."""
