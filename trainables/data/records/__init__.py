"""From rows to records: formats, chats, and useless rows."""
