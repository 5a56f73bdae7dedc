"""The whole system in one process: the same services, messages and flow on a memory broker, SQLite and a directory."""
