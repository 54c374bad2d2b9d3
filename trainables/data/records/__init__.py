"""From rows to records: formats, chats, and what is of no use."""
