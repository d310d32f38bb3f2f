"""How a consultation store came to its tables, step by step; `store.open_store` takes the steps that are missing."""
