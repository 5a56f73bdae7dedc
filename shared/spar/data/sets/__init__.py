"""Imports training sets made elsewhere: conversations and preference pairs in LLaMA-Factory's layouts.

    names             which keys and roles mean what: by dataset_info.json, or by each row
    rows              one row as a conversation or a pair, or why it is neither
    importing         from files to one file for each set (by the task that a row trains), rejects and manifest

The authors' release (Hugging Face CCCCCC/SPaR) has this form: JSON arrays of {messages} for supervised fine-tuning, and
of {messages, chosen, rejected} for DPO.
"""
