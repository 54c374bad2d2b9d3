"""Retrieval measured where the answers are known: facts about towns that do not exist."""
