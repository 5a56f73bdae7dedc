"""Training sets in: conversations and preference pairs that others made, in LLaMA-Factory's layouts.

    names             which keys and roles mean what: told by dataset_info.json, or by each row
    rows              one row as a conversation or a pair, or why it is neither
    kinds             what a conversation teaches: responding, judging, refining
    importing         from files to one file for each set, rejects and manifest

The authors' release (Hugging Face CCCCCC/SPaR) is of this kind: JSON arrays of {messages} for supervised fine-tuning,
and of {messages, chosen, rejected} for DPO.
"""
