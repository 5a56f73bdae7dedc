"""The vllm engine's server: who is served (`lineup`), how it is started (`command`), one run of it (`server`), when it
changes (`switching`, pure), and the supervisor that makes it so (`supervisor`). Calls themselves are the openai
engine's.
"""
