"""The words: documents, formats, schemas."""
