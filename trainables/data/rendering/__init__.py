"""From chats to token sequences: templates, and which parts of their text are learned."""
