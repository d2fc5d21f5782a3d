"""The API of mobile apps and partners, at `/api`."""
