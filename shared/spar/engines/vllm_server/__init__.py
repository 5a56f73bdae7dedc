"""The vllm engine's server: which models it serves (`lineup`), its command line (`command`), one run of it (`server`),
the calls that wait for it (`gate`), when it changes (`switching`, pure), and the supervisor that does it
(`supervisor`). The calls themselves are the openai engine's.
"""
